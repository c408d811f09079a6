"""The table of machines and the torch build each of them gets."""

import re

import pytest

from webui.bootstrap.failure import SetupError
from webui.bootstrap.machine import MachineFacts, detect, read_nvidia_smi
from webui.bootstrap.torch_choice import OVERRIDES, TorchChoice, choose_torch, gfx_name

OLD, NEW = (560, 35), (580, 65)


def linux(**facts: object) -> MachineFacts:
    return MachineFacts(system="Linux", **facts)  # type: ignore[arg-type]


def windows(**facts: object) -> MachineFacts:
    return MachineFacts(system="Windows", **facts)  # type: ignore[arg-type]


TABLE = [
    ("Linux without a GPU", linux(), "pypi", "torch==2.13.0"),
    ("Linux on ARM", linux(arch="arm64"), "pypi", "torch==2.13.0"),
    ("Linux, RTX 3090", linux(nvidia=((8, 6),), driver=NEW), "pypi", "torch==2.13.0"),
    ("Linux, RTX 2080", linux(nvidia=((7, 5),), driver=NEW), "pypi", "torch==2.13.0"),
    ("Linux, RTX 5090", linux(nvidia=((12, 0),), driver=NEW), "pypi", "torch==2.13.0"),
    ("Linux, GTX 1080", linux(nvidia=((6, 1),), driver=NEW), "cu126", "torch==2.13.0+cu126"),
    ("Linux, V100", linux(nvidia=((7, 0),), driver=NEW), "cu126", "torch==2.13.0+cu126"),
    ("Linux, GTX 780", linux(nvidia=((3, 5),), driver=NEW), "cpu", "torch==2.13.0+cpu"),
    ("Linux, RTX 3090, old driver", linux(nvidia=((8, 6),), driver=OLD), "cu126", "torch==2.13.0+cu126"),
    ("Linux, RTX 5090, old driver", linux(nvidia=((12, 0),), driver=(570, 1)), "cu128", "torch==2.11.0+cu128"),
    ("Linux, very old driver", linux(nvidia=((0, 0),), driver=(470, 2)), "cu126", "torch==2.13.0+cu126"),
    ("Linux, driver unknown", linux(nvidia=((8, 9),)), "pypi", "torch==2.13.0"),
    ("Linux, old and new card", linux(nvidia=((6, 1), (8, 6)), driver=NEW), "pypi", "torch==2.13.0"),
    ("Linux, AMD", linux(kfd=True), "rocm", "torch==2.13.0+rocm7.2"),
    ("Linux, AMD and NVIDIA", linux(kfd=True, nvidia=((8, 6),), driver=NEW), "pypi", "torch==2.13.0"),
    ("Mac, Apple silicon", MachineFacts("Darwin", "arm64"), "pypi", "torch==2.13.0"),
    ("Windows without a GPU", windows(gpus=("Microsoft Basic Display Adapter",)), "pypi", "torch==2.13.0"),
    ("Windows, RTX 4070", windows(nvidia=((8, 9),), driver=NEW), "cu130", "torch==2.13.0+cu130"),
    ("Windows, GTX 1060", windows(nvidia=((6, 1),), driver=NEW), "cu126", "torch==2.13.0+cu126"),
    ("Windows, RTX 3060, old driver", windows(nvidia=((8, 6),), driver=OLD), "cu126", "torch==2.13.0+cu126"),
    ("Windows, RTX 5080, old driver", windows(nvidia=((12, 0),), driver=(572, 1)), "cu128", "torch==2.11.0+cu128"),
    ("Windows, RX 7900", windows(gpus=("AMD Radeon RX 7900 XTX",)), "rocm", "torch[device-gfx1100]==2.13.0+rocm10.0.0"),
    ("Windows, Radeon of unknown kind", windows(gpus=("AMD Radeon HD 7750",)), "pypi", "torch==2.13.0"),
    ("Windows, Intel Arc", windows(gpus=("Intel(R) Arc(TM) A770 Graphics",)), "xpu", "torch==2.13.0+xpu"),
    ("Windows, Intel UHD", windows(gpus=("Intel(R) UHD Graphics 630",)), "pypi", "torch==2.13.0"),
    ("Windows on ARM", windows(arch="arm64"), "cpu", "torch==2.13.0+cpu"),
]


@pytest.mark.parametrize(("facts", "build", "requirement"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_each_machine_gets_its_build(facts: MachineFacts, build: str, requirement: str) -> None:
    choice = choose_torch(facts)
    assert (choice.build, choice.requirement) == (build, requirement)
    # A local version exists on one index only, so that index has to be named, and no other build needs one.
    assert bool(choice.index) == ("+" in requirement)
    if choice.index.startswith("https://download"):
        assert choice.index.rsplit("/", 1)[-1] == requirement.rsplit("+", 1)[-1]


@pytest.mark.parametrize("override", OVERRIDES)
@pytest.mark.parametrize("facts", [linux(), windows(gpus=("AMD Radeon RX 7600",)), linux(nvidia=((8, 6),))])
def test_override_wins(facts: MachineFacts, override: str) -> None:
    assert choose_torch(facts, override, "https://mirror.example/simple").build == override


def test_own_index_is_the_only_index() -> None:
    choice = choose_torch(linux(kfd=True), index="https://mirror.example/simple")
    assert choice == TorchChoice(
        "index", "torch==2.13.0", "https://mirror.example/simple", only_index=True, gigabytes=8
    )


def test_pin_of_a_build_with_extras() -> None:
    assert choose_torch(windows(gpus=("AMD Radeon RX 9070 XT",))).pin == "torch==2.13.0+rocm10.0.0"


@pytest.mark.parametrize(
    ("facts", "override", "words"),
    [
        (linux(bits=32), "", "32-bit"),
        (linux(python=(3, 15)), "", "Python 3.15 is newer"),
        (MachineFacts("Darwin", "x86_64"), "", "Intel processor"),
        (linux(), "cuda", "--torch cuda is not known: use one of cpu"),
    ],
)
def test_hopeless_machines_are_told(facts: MachineFacts, override: str, words: str) -> None:
    with pytest.raises(SetupError, match=re.escape(words)):
        choose_torch(facts, override)


def test_old_driver_is_told_what_to_do() -> None:
    assert "update it" in choose_torch(linux(nvidia=((8, 6),), driver=(470, 2))).note
    assert "--torch cu130" in choose_torch(linux(nvidia=((12, 0),), driver=(570, 1))).note


@pytest.mark.parametrize(
    ("card", "gfx"),
    [
        ("AMD Radeon RX 9070 XT", "gfx1201"),
        ("AMD Radeon RX 9060 XT", "gfx1200"),
        ("AMD Radeon RX 7800 XT", "gfx1101"),
        ("AMD Radeon RX 7600", "gfx1102"),
        ("AMD Radeon RX 6800 XT", "gfx1030"),
        ("AMD Radeon RX 6700 XT", "gfx1031"),
        ("AMD Radeon(TM) 8060S Graphics", "gfx1151"),
        ("AMD Radeon 780M Graphics", "gfx1103"),
        ("AMD Radeon 890M Graphics", "gfx1150"),
        ("NVIDIA GeForce GTX 1080", ""),
    ],
)
def test_names_of_amd_cards(card: str, gfx: str) -> None:
    assert gfx_name(card) == gfx


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8.6, 580.65.06\n6.1, 580.65.06\n", (((8, 6), (6, 1)), (580, 65, 6))),
        ("470.82.01\n", (((0, 0),), (470, 82, 1))),
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", ((), ())),
        ("", ((), ())),
    ],
)
def test_reading_nvidia_smi(text: str, expected: object) -> None:
    assert read_nvidia_smi(text) == expected


def test_this_machine_has_a_build() -> None:
    assert choose_torch(detect()).requirement.startswith("torch")
