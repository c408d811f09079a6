"""The facts that decide which torch build a machine needs. Finding them never fails, it only comes up empty."""

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

Version = tuple[int, ...]

_SECONDS = 10
_KFD_NODES = Path("/sys/class/kfd/kfd/topology/nodes")
_DISPLAY_CLASS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"


@dataclass(frozen=True)
class MachineFacts:
    """What the choice of torch depends on, and nothing else."""

    system: str  # "Linux", "Darwin", "Windows"
    arch: str = "x86_64"  # "x86_64" or "arm64"
    python: Version = (3, 11)
    bits: int = 64
    nvidia: tuple[Version, ...] = ()  # compute capability of each card; empty when there is none
    driver: Version = ()  # of the NVIDIA driver; empty when unknown
    kfd: bool = False  # Linux: the AMD compute driver is loaded
    gpus: tuple[str, ...] = ()  # names of the display adapters, where the system tells them


def detect() -> MachineFacts:
    """Ask the system. Takes well under a second on a healthy machine, at most a few on a sick one."""
    capabilities, driver = nvidia_cards()
    return MachineFacts(
        system=platform.system(),
        arch=_arch(platform.machine()),
        python=sys.version_info[:2],
        bits=64 if sys.maxsize > 2**32 else 32,
        nvidia=capabilities,
        driver=driver,
        kfd=amd_compute(),
        gpus=display_adapters(),
    )


def nvidia_cards() -> tuple[tuple[Version, ...], Version]:
    """Compute capabilities and driver version, from nvidia-smi."""
    program = shutil.which("nvidia-smi") or shutil.which("/usr/lib/wsl/lib/nvidia-smi")
    if program is None:
        return (), ()
    return read_nvidia_smi(
        _output([program, "--query-gpu=compute_cap,driver_version", "--format=csv,noheader"])
        # Drivers before 510 do not know the field compute_cap.
        or _output([program, "--query-gpu=driver_version", "--format=csv,noheader"])
    )


def read_nvidia_smi(text: str) -> tuple[tuple[Version, ...], Version]:
    """`8.6, 580.65.06` per card → ((8, 6),), (580, 65, 6). A card of unknown capability counts as (0, 0)."""
    capabilities: list[Version] = []
    driver: Version = ()
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if not re.fullmatch(r"\d+(\.\d+)+", cells[-1]):
            continue
        driver = _version(cells[-1])
        capabilities.append(_version(cells[0]) if len(cells) > 1 else (0, 0))
    return tuple(capabilities), driver


def amd_compute() -> bool:
    """Linux: is there /dev/kfd and behind it a GPU (a processor alone also shows up there, with target version 0)?"""
    if not os.path.exists("/dev/kfd"):
        return False
    try:
        properties = [node.read_text() for node in _KFD_NODES.glob("*/properties")]
    except OSError:
        return True
    return not properties or any(re.search(r"gfx_target_version [1-9]", text) for text in properties)


def display_adapters() -> tuple[str, ...]:
    """Windows: the names of the display adapters, from the registry. Elsewhere empty: no rule needs them there."""
    if sys.platform != "win32":
        return ()
    import winreg

    names: list[str] = []
    for number in range(16):
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, f"{_DISPLAY_CLASS}\\{number:04}") as key:
                names.append(str(winreg.QueryValueEx(key, "DriverDesc")[0]))
        except OSError:
            continue
    return tuple(names)


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _arch(machine: str) -> str:
    lowered = machine.lower()
    if lowered in ("amd64", "x86_64", "x64"):
        return "x86_64"
    return "arm64" if lowered in ("arm64", "aarch64") else lowered


def _version(text: str) -> Version:
    return tuple(int(part) for part in re.findall(r"\d+", text))
