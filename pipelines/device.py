"""Device: where the models compute, and in what precision.

Only the CPU has been run so far; the choices for CUDA, MPS and XPU follow their documentation.
"""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch

from pipelines.catalogue import DeviceEntry

DTYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
)

SMALL_MODEL = 100_000_000
"""Parameters of the U-Net. On a CPU a smaller model is quick enough in fp32, and keeps its precision: bf16 would save
a fifth to a quarter of the time (benchmarks/sampling.py), against two fifths for a full SD 1.x."""


@dataclass(frozen=True)
class Device:
    """name: as torch writes it ("cpu", "cuda:0"); chosen: the user asked for the dtype; bytes: its memory."""

    name: str
    dtype: torch.dtype
    title: str
    bytes: int = 0
    chosen: bool = False

    @property
    def kind(self) -> str:
        return self.name.split(":")[0]

    def dtype_for(self, parameters: int) -> torch.dtype:
        """The precision for a model of that many parameters."""
        if self.kind == "cpu" and not self.chosen and parameters < SMALL_MODEL:
            return torch.float32
        return self.dtype

    def entry(self) -> DeviceEntry:
        dtype = str(self.dtype).removeprefix("torch.")
        # A plain text: torch's own class would make the web process load torch to read it.
        return DeviceEntry(self.kind, self.title, dtype, self.bytes, str(torch.__version__))


def pick(name: str | None = None, dtype: str | None = None) -> Device:
    """The device to use: the one asked for, else the best there is.

    name  -- "cpu", "cuda", "cuda:1", "mps", "xpu"; None: the environment's SNOWFOX_DEVICE, else the best
    dtype -- a name in DTYPES; None: the environment's SNOWFOX_DTYPE, else what suits the device
    Raises ValueError for a name that is unknown or not there, and for float16 on a CPU, where it is ruinously slow.
    """
    name = name or os.environ.get("SNOWFOX_DEVICE") or _best()
    dtype = dtype or os.environ.get("SNOWFOX_DTYPE") or ""
    kind = name.split(":")[0]
    if not _present(kind):
        raise ValueError(f"There is no device '{name}' on this machine.")
    if dtype and dtype not in DTYPES:
        raise ValueError(f"There is no precision '{dtype}'. Known are: {', '.join(DTYPES)}.")
    if kind == "cpu" and dtype == "float16":
        raise ValueError("A CPU computes float16 hundreds of times slower. Use float32 or bfloat16.")
    chosen = DTYPES[dtype] if dtype else _natural_dtype(name, kind)
    title, size = _facts(name, kind)
    return Device(name, chosen, title, size, chosen=bool(dtype))


def _best() -> str:
    return next((kind for kind in ("cuda", "xpu", "mps") if _present(kind)), "cpu")


def _present(kind: str) -> bool:
    match kind:
        case "cpu":
            return True
        case "cuda":
            return torch.cuda.is_available()
        case "xpu":
            return torch.xpu.is_available()
        case "mps":
            return torch.backends.mps.is_available()
        case _:
            return False


def _natural_dtype(name: str, kind: str) -> torch.dtype:
    match kind:
        case "cpu":
            return torch.bfloat16 if _cpu_has_bf16() else torch.float32
        case "cuda":
            # Before Ampere bf16 is emulated.
            return torch.bfloat16 if torch.cuda.get_device_capability(name)[0] >= 8 else torch.float16
        case "xpu":
            return torch.bfloat16
        case _:
            return torch.float16


def _cpu_has_bf16() -> bool:
    """Units for bf16 in the processor (AVX512-BF16, AMX, or Arm's BF16), as far as the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return False
    words = {word for line in text.splitlines() if line.startswith(("flags", "Features")) for word in line.split()}
    return bool(words & {"avx512_bf16", "amx_bf16", "bf16"})


def _facts(name: str, kind: str) -> tuple[str, int]:
    """Title and bytes of memory."""
    if kind == "cuda":
        facts = torch.cuda.get_device_properties(name)
        return facts.name, facts.total_memory
    if kind == "xpu":
        facts = torch.xpu.get_device_properties(name)
        return str(facts.name), int(facts.total_memory)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    title = f"{_cpu_name()}, {cores} {'core' if cores == 1 else 'cores'}"
    return title, _memory()


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return " ".join(line.split(":", 1)[1].split())
    except OSError:
        pass
    return platform.processor() or platform.machine() or "CPU"


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
