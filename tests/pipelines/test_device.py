"""Where and how precisely models compute."""

import pytest
import torch

from pipelines import device


def test_the_cpu_is_always_there_and_never_computes_in_fp16() -> None:
    cpu = device.pick("cpu")
    assert cpu.kind == "cpu"
    assert cpu.dtype in (torch.float32, torch.bfloat16)
    assert cpu.bytes > 0
    with pytest.raises(ValueError, match="hundreds of times slower"):
        device.pick("cpu", "float16")


def test_what_is_asked_for_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device.pick("cpu", "float32").dtype_for(10**9) == torch.float32
    assert device.pick("cpu", "bfloat16").dtype_for(10) == torch.bfloat16
    monkeypatch.setenv("SNOWFOX_DTYPE", "float32")
    monkeypatch.setenv("SNOWFOX_DEVICE", "cpu")
    assert device.pick().entry().dtype == "float32"


def test_a_small_model_computes_in_full_precision_on_a_cpu() -> None:
    assert device.Device("cpu", torch.bfloat16, "").dtype_for(11_000_000) == torch.float32
    assert device.Device("cpu", torch.bfloat16, "").dtype_for(860_000_000) == torch.bfloat16
    assert device.Device("cuda:0", torch.bfloat16, "").dtype_for(11_000_000) == torch.bfloat16


@pytest.mark.parametrize("name", ["quantum", "cuda:99" if not torch.cuda.is_available() else "tpu"])
def test_a_device_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"no device '{name}'"):
        device.pick(name)
    with pytest.raises(ValueError, match="no precision 'int3'"):
        device.pick("cpu", "int3")
