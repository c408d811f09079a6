"""Which torch build a machine gets: a pure function of its facts.

Sources of the rules: PyTorch's release matrix for 2.13 (CUDA 12.6 and 13.0, ROCm 7.2, XPU; the last cu128 builds are
of 2.11; CUDA 12.6 covers compute capability 5.0-9.0, CUDA 13.0 starts at 7.5 and wants driver 580), and AMD's own index
for Windows. Tried on real hardware: Linux without a GPU. The rest of the table follows the documents only.
"""

import re
from dataclasses import dataclass

from webui.bootstrap.failure import SetupError
from webui.bootstrap.machine import MachineFacts, Version

TORCH = "2.13.0"
TORCH_CU128 = "2.11.0"
OVERRIDES = ("cpu", "cu126", "cu128", "cu130", "rocm", "xpu", "pypi", "skip")
NEWEST_PYTHON = (3, 14)

_WHEELS = "https://download.pytorch.org/whl/"
_AMD_WINDOWS = "https://stable.repo.amd.com/rocm/whl-next/"
_CUDA13_DRIVER = (580,)
_CUDA12_DRIVER = (525,)

# What Windows calls an AMD card, and the name of its instruction set. The first match counts.
_GFX = (
    (r"RX 90[67]\dX?T? ?GRE|RX 907\d|AI PRO R9", "gfx1201"),
    (r"RX 906\d", "gfx1200"),
    (r"80[56]0S", "gfx1151"),
    (r"8[89]0M", "gfx1150"),
    (r"8[46]0M", "gfx1152"),
    (r"7[68]0M", "gfx1103"),
    (r"RX 7900|PRO W7[89]00", "gfx1100"),
    (r"RX 7[78]00|PRO W7[57]00", "gfx1101"),
    (r"RX 7[4-6]\d\d", "gfx1102"),
    (r"RX 6[89]\d\d|PRO W6800", "gfx1030"),
    (r"RX 67\d\d", "gfx1031"),
    (r"RX 66\d\d|PRO W6600", "gfx1032"),
    (r"RX 6[345]\d\d", "gfx1034"),
)


@dataclass(frozen=True)
class TorchChoice:
    """A build, what pip is asked for, and from where."""

    build: str  # "pypi", "cpu", "cu126", "rocm" …, "index" (WEBUI_TORCH_INDEX), "skip"
    requirement: str  # "torch==2.13.0+cu126"; empty for "skip"
    index: str = ""  # empty: pip's own
    only_index: bool = False  # look nowhere else for torch
    wheels_only: bool = True
    gigabytes: int = 3  # free disk space it wants, roughly
    note: str = ""  # said to the user before installing

    @property
    def pin(self) -> str:
        """The requirement as a constraint: without extras."""
        return re.sub(r"\[.*?\]", "", self.requirement)


def choose_torch(facts: MachineFacts, override: str = "", index: str = "") -> TorchChoice:
    """The build for this machine. `override` (--torch) wins over `index` (WEBUI_TORCH_INDEX) over facts."""
    if override and override not in OVERRIDES:
        raise SetupError(f"--torch {override} is not known: use one of {', '.join(OVERRIDES)}.")
    if override == "skip":
        return TorchChoice("skip", "")
    _refuse_hopeless(facts)
    if override == "rocm" and facts.system == "Windows":
        return _amd_windows(facts, insist=True)
    if override:
        return _build(override)
    if index:
        return TorchChoice("index", f"torch=={TORCH}", index, only_index=True, gigabytes=8)
    if facts.system == "Darwin":
        return _build("pypi")
    if facts.nvidia:
        return _nvidia(facts)
    return _windows(facts) if facts.system == "Windows" else _linux(facts)


def _refuse_hopeless(facts: MachineFacts) -> None:
    if facts.bits != 64:
        raise SetupError("This is a 32-bit Python, and torch has no build for it: install the 64-bit Python.")
    if facts.python > NEWEST_PYTHON:
        shown = ".".join(map(str, facts.python))
        raise SetupError(
            f"Python {shown} is newer than torch {TORCH} knows: use Python 3.13 (for example: python3.13 -m webui)."
        )
    if facts.system == "Darwin" and facts.arch == "x86_64":
        raise SetupError(
            "torch no longer has builds for Macs with an Intel processor, so Snowfox cannot run here; "
            "on an Apple-silicon Mac this means that the Python is the Intel one: install the universal Python."
        )


def _linux(facts: MachineFacts) -> TorchChoice:
    if facts.kfd and facts.arch == "x86_64":
        return _build("rocm")
    return _build("pypi", gigabytes=8)


def _windows(facts: MachineFacts) -> TorchChoice:
    if facts.arch == "arm64":
        return _build("cpu")
    if any(re.search(r"\bRadeon\b|\bAMD\b", name) for name in facts.gpus):
        return _amd_windows(facts)
    if any("Arc" in name and "Intel" in name for name in facts.gpus):
        return _build("xpu")
    return _build("pypi")


def _amd_windows(facts: MachineFacts, insist: bool = False) -> TorchChoice:
    found = [gfx for name in facts.gpus if (gfx := gfx_name(name))]
    if not found and not insist:
        return _build("pypi", note="This AMD graphics card is not known to torch on Windows; using the processor.")
    device = f"device-{found[0]}" if found else "device-all"
    # AMD's index holds the small meta package "rocm" as source only; nothing in it is compiled.
    return TorchChoice("rocm", f"torch[{device}]=={TORCH}+rocm10.0.0", _AMD_WINDOWS, wheels_only=False, gigabytes=12)


def gfx_name(card: str) -> str:
    """`AMD Radeon RX 7900 XTX` → `gfx1100`; empty when the card is not in the table."""
    return next((gfx for pattern, gfx in _GFX if re.search(pattern, card)), "")


def _nvidia(facts: MachineFacts) -> TorchChoice:
    newest = max(facts.nvidia)
    if facts.driver and facts.driver < _CUDA12_DRIVER:
        return _build("cu126", note=f"The NVIDIA driver {_shown(facts.driver)} is too old for any torch: update it, "
                                    "or pictures will be made by the processor.")  # fmt: skip
    if (0, 0) < newest < (5, 0):
        return _build("cpu", note="This NVIDIA card is too old for torch; using the processor.")
    if newest < (7, 5):
        return _build("cu126")
    if facts.driver and facts.driver < _CUDA13_DRIVER:
        if newest >= (10, 0):
            return _build("cu128", note=f"Using torch {TORCH_CU128}: the NVIDIA driver is older than 580. "
                                        "After a driver update run once with --torch cu130.")  # fmt: skip
        return _build("cu126")
    # PyPI's own build is CUDA 13 on Linux and without CUDA on Windows.
    return _build("pypi" if facts.system == "Linux" else "cu130", gigabytes=8)


def _build(name: str, gigabytes: int = 0, note: str = "") -> TorchChoice:
    """A build of the PyTorch project, by name. Its local version makes sure that it comes from its own index."""
    if name == "pypi":
        return TorchChoice("pypi", f"torch=={TORCH}", gigabytes=gigabytes or 3, note=note)
    version, folder, need = {
        "cpu": (f"{TORCH}+cpu", "cpu", 3),
        "cu126": (f"{TORCH}+cu126", "cu126", 8),
        "cu128": (f"{TORCH_CU128}+cu128", "cu128", 8),
        "cu130": (f"{TORCH}+cu130", "cu130", 8),
        "rocm": (f"{TORCH}+rocm7.2", "rocm7.2", 18),
        "xpu": (f"{TORCH}+xpu", "xpu", 8),
    }[name]
    return TorchChoice(name, f"torch=={version}", _WHEELS + folder, gigabytes=gigabytes or need, note=note)


def _shown(version: Version) -> str:
    return ".".join(map(str, version))
