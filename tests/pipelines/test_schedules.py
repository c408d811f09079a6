"""Schedules against their formulas."""

import math
from itertools import pairwise

import pytest
import torch

from pipelines.recipe import Sampling
from pipelines.samplers import find
from pipelines.schedules import (
    SCHEDULES,
    NoiseTable,
    Span,
    beta_quantile,
    dynamic_shift,
    flow_table,
    scaled_linear_table,
    shifted,
    sigmas,
)

TABLE = scaled_linear_table()

BETA_QUANTILES = (
    (0.01, 0.6, 0.6, 0.000861238822),
    (0.3, 0.6, 0.6, 0.234017003875),
    (0.9, 0.6, 0.6, 0.960415594411),
    (0.5, 0.6, 0.6, 0.500000000000),
    (0.2, 2.0, 5.0, 0.139880688270),
    (0.97, 1.3, 0.4, 0.999887922593),
)


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
    if name == "DDIM":
        assert levels[-2:] == pytest.approx([TABLE[1], 0])
        assert len(levels) == math.ceil(999 / (1000 // n)) + 1
    else:
        assert len(levels) == n + 1
        assert levels[0] == pytest.approx(TABLE.high, rel=1e-4)
        assert levels[-1] == pytest.approx(TABLE.low if name == "KL Optimal" else 0)
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


def test_polyexponential_is_exponential_unless_bent() -> None:
    assert torch.allclose(sigmas("Polyexponential", 9, TABLE), sigmas("Exponential", 9, TABLE))
    bent = sigmas("Polyexponential", 3, TABLE, Span(rho=2.0))
    assert float(bent[1]) == pytest.approx(TABLE.low * (TABLE.high / TABLE.low) ** 0.25)


def test_kl_optimal_is_even_in_the_arc_tangent() -> None:
    angles = sigmas("KL Optimal", 8, TABLE).double().atan()
    steps = angles[1:] - angles[:-1]
    assert torch.allclose(steps, steps[0].expand(8), rtol=1e-4)


def test_align_your_steps_goes_through_the_published_levels() -> None:
    assert sigmas("Align Your Steps", 11, TABLE).tolist() == pytest.approx(
        [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029, 0.0]
    )
    assert float(sigmas("AYS GITS", 21, TABLE)[1]) == pytest.approx(math.sqrt(14.615 * 4.617))
    xl = NoiseTable(TABLE.sigmas, xl=True)
    assert float(sigmas("Align Your Steps 32", 32, xl)[1]) == pytest.approx(11.1491618)


def test_beta_quantiles() -> None:
    """The numbers are those of scipy 1.17's stats.beta.ppf."""
    for part, a, b, wanted in BETA_QUANTILES:
        assert beta_quantile(part, a, b) == pytest.approx(wanted, abs=1e-9)
    assert float(sigmas("Beta", 3, TABLE)[1]) == pytest.approx((TABLE.low + TABLE.high) / 2)


def test_turbo_takes_the_ends_of_even_pieces() -> None:
    assert sigmas("Turbo", 4, TABLE)[:-1].tolist() == pytest.approx([TABLE[999], TABLE[749], TABLE[499], TABLE[249]])


def test_ends_and_curvature_can_be_given() -> None:
    span = Span(low=0.1, high=10.0, rho=3.0)
    for name in ("Karras", "Exponential", "Polyexponential", "KL Optimal", "Normal", "Beta"):
        levels = sigmas(name, 5, TABLE, span).tolist()
        assert levels[0] == pytest.approx(10, rel=1e-5)
        assert (levels[-1] or levels[-2]) == pytest.approx(0.1, rel=1e-5)
    assert sigmas("Karras", 3, TABLE, span)[1] == pytest.approx(((10 ** (1 / 3) + 0.1 ** (1 / 3)) / 2) ** 3)
    with pytest.raises(ValueError, match="below the highest"):
        sigmas("Karras", 3, TABLE, Span(low=3.0, high=2.0))


def test_the_next_to_last_level_is_left_out_where_asked() -> None:
    dpm2, euler = find("DPM2"), find("Euler")
    assert dpm2 and euler
    wanted = sigmas("Karras", 9, TABLE).tolist()
    assert dpm2.sigmas("Automatic", 8, TABLE) == pytest.approx([*wanted[:8], 0.0], rel=1e-6)
    plain, short = euler.sigmas("Karras", 9, TABLE), euler.sigmas("Karras", 8, TABLE, Sampling(discard=True))
    assert short == [*plain[:8], 0.0]


def test_flow_levels_and_their_shift() -> None:
    table = flow_table(3.0)
    assert table.high == 1
    assert shifted(0.5, 3.0) == pytest.approx(0.75)
    assert table.sigma(table.timestep(0.4)) == pytest.approx(0.4)
    levels = sigmas("SGM Uniform", 4, table).tolist()
    assert levels == pytest.approx([1.0, *(shifted(part, 3.0) for part in (0.75025, 0.5005, 0.25075)), 0.0], abs=1e-6)
    for name in SCHEDULES:
        assert all(a > b for a, b in pairwise(sigmas(name, 6, table).tolist()))
    assert dynamic_shift(256) == pytest.approx(math.exp(0.5))
    assert dynamic_shift(4096) == pytest.approx(math.exp(1.15))


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
