"""The gate: addresses and zip files that are refused before anything is fetched or written."""

import stat
import zipfile
from pathlib import Path

import pytest

from webui.addons.found import find
from webui.extension import SNOWFOX
from webui.installing import source, unpack
from webui.installing.requirements import wanted
from webui.installing.source import Refused


def test_a_plain_address_is_taken() -> None:
    found = source.address("https://github.com/someone/sd-thing.git")
    assert (found.name, found.known) == ("sd-thing", True)
    assert not source.address("https://git.example.org/someone/thing").known


@pytest.mark.parametrize(
    "text",
    [
        "ext::sh -c touch% /tmp/x", "file:///etc", "--upload-pack=touch /tmp/x", "-c", "http://github.com/a/b",
        "ssh://git@github.com/a/b", "git@github.com:a/b", "https://user:word@github.com/a/b", "https://github.com/a",
        "https://github.com/a/../b", "https://github.com/a/-b", "https://github.com/a/b\n--x", "https://127.0.0.1/a/b",
        "https://github.com:22/a/b", "https://github.com/a/b?x", "https://github.com/a/b#x", "https://gіthub.com/a/b",
        "https://github.com/a/con", "https://localhost/a/b", "https:///a/b", "", " ",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        source.address(text)


@pytest.mark.parametrize(
    "name", ["../up.py", "/etc/passwd", "a/../../b", "a\\..\\b", "c:evil", "a/b ", "a/b.", "a\x1bb"]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("top/__init__.py", "")
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, "")
    with pytest.raises(Refused):
        unpack.unpack(tmp_path / "a.zip", tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_links_and_bombs_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("top/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"top/{number}", bytes(16 * 2**20))
    for name in ("link.zip", "bomb.zip"):
        with pytest.raises(Refused):
            unpack.unpack(tmp_path / name, tmp_path / "to")


def test_requirements_are_names_and_versions_only() -> None:
    assert wanted("# a comment\nscipy>=1.10\n\nrich ; python_version > '3'") == (
        "scipy>=1.10", 'rich; python_version > "3"')  # fmt: skip
    for line in ("-e .", "--index-url https://x.org", "torch @ https://x.org/torch.whl", "git+https://x.org/a", "-r b"):
        with pytest.raises(Refused):
            wanted(line)


def test_what_ships_is_off_at_first() -> None:
    shipped = find(Path(__file__).parents[2] / "extensions", SNOWFOX)
    names = {found.name for found in shipped if not found.problem and not found.on}
    assert {"wildcards", "seamless", "cutout", "moonlight", "pastel"} <= names
