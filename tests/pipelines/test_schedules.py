"""Schedules against their formulas."""

import math
from itertools import pairwise

import pytest
import torch

from pipelines.samplers import find
from pipelines.schedules import SCHEDULES, NoiseTable, scaled_linear_table, sigmas

TABLE = scaled_linear_table()


def test_the_table_of_stable_diffusion() -> None:
    assert len(TABLE) == 1000
    assert TABLE.low == pytest.approx(0.02916, abs=1e-5)
    assert TABLE.high == pytest.approx(14.6146, abs=1e-4)


def test_zero_terminal_snr_keeps_the_first_level_and_ends_in_noise() -> None:
    table = scaled_linear_table(zero_terminal_snr=True)
    assert table.low == pytest.approx(TABLE.low, rel=1e-6)
    assert table.high > 4000


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("n", [1, 2, 8, 33, 150])
def test_every_schedule_falls_from_the_top_to_zero(name: str, n: int) -> None:
    levels = sigmas(name, n, TABLE).tolist()
    assert len(levels) == n + 1
    assert levels[0] == pytest.approx(TABLE.high, rel=1e-6)
    assert levels[-1] == 0
    assert all(a > b for a, b in pairwise(levels))


def test_karras_is_even_in_the_seventh_root() -> None:
    levels = sigmas("karras", 9, TABLE)[:-1].double() ** (1 / 7)
    steps = levels[1:] - levels[:-1]
    assert torch.allclose(steps, steps[0].expand(8), rtol=1e-4)
    assert float(levels[-1] ** 7) == pytest.approx(TABLE.low, rel=1e-5)


def test_exponential_is_a_geometric_series() -> None:
    levels = sigmas("Exponential", 9, TABLE)[:-1].double()
    ratio = (TABLE.low / TABLE.high) ** (1 / 8)
    assert torch.allclose(levels[1:] / levels[:-1], torch.full((8,), ratio, dtype=torch.float64), rtol=1e-5)


def test_uniform_takes_even_timesteps_and_normal_is_the_same_here() -> None:
    wanted = [TABLE.sigma(999 * (1 - k / 4)) for k in range(5)]
    assert sigmas("Uniform", 5, TABLE)[:-1].tolist() == pytest.approx(wanted, rel=1e-6)
    assert torch.equal(sigmas("Normal", 5, TABLE), sigmas("Automatic", 5, TABLE))


def test_sgm_uniform_stops_one_step_above_the_end() -> None:
    assert float(sigmas("SGM Uniform", 4, TABLE)[-2]) == pytest.approx(TABLE.sigma(999 / 4), rel=1e-6)


def test_simple_takes_entries_of_the_table() -> None:
    assert sigmas("Simple", 4, TABLE)[:-1].tolist() == pytest.approx([TABLE[999], TABLE[749], TABLE[499], TABLE[249]])


def test_a_plain_tensor_will_do_as_a_table() -> None:
    assert torch.equal(sigmas("Karras", 5, torch.tensor(TABLE.sigmas, dtype=torch.float64)), sigmas("Karras", 5, TABLE))


def test_timesteps_and_levels_are_inverse() -> None:
    for timestep in (0, 0.25, 1, 500.5, 998.75, 999):
        assert TABLE.timestep(TABLE.sigma(timestep)) == pytest.approx(timestep, abs=1e-6)
    between = math.sqrt(TABLE[10] * TABLE[11])
    assert TABLE.timestep(between) == pytest.approx(10.5)
    assert TABLE.timestep(1e-9) == 0
    assert TABLE.timestep(1e9) == 999
    assert TABLE.timestep(math.nextafter(TABLE.high, 0)) == pytest.approx(999)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="no schedule 'Kerras'"):
        sigmas("Kerras", 5, TABLE)
    with pytest.raises(ValueError, match="at least one step"):
        sigmas("Karras", 0, TABLE)
    with pytest.raises(ValueError, match="ascending"):
        NoiseTable([3.0, 2.0, 1.0])


def test_samplers_with_a_schedule_of_their_own() -> None:
    ddim, lcm, unipc = find("DDIM"), find("LCM"), find("UniPC")
    assert ddim and lcm and unipc
    assert ddim.sigmas("Karras", 4, TABLE) == [TABLE[751], TABLE[501], TABLE[251], TABLE[1]]
    assert lcm.sigmas("Automatic", 2, TABLE) == pytest.approx([TABLE[999], TABLE[19], 0])
    assert len(unipc.sigmas("Automatic", 8, TABLE)) == 9
    assert unipc.sigmas("Automatic", 8, TABLE)[-1] == TABLE.low
