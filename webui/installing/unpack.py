"""Unpacking: a zip file or a folder becomes a folder of plain files, within limits and nowhere else."""

import hashlib
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from webui.addons.found import PACKAGES
from webui.installing.source import Refused

MOST_FILES = 5_000
LARGEST = 300 * 2**20
"""Bytes of all files together."""

_LEFT_OUT = frozenset((".git", "__pycache__", PACKAGES, ".venv", "venv"))
_BAD = frozenset('<>:"|?*\\')


def unpack(file: Path, folder: Path) -> None:
    """The files of a zip into a new folder; one folder that holds all of them is taken off. Raises Refused."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            _check(members)
            paths = [PurePosixPath(info.filename) for info in members]
            tops = {path.parts[0] for path in paths}
            off = 1 if len(tops) == 1 and all(len(path.parts) > 1 for path in paths) else 0
            left = LARGEST
            for info, path in zip(members, paths, strict=True):
                target = folder.joinpath(*path.parts[off:])
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as stream:
                    data = stream.read(left + 1)  # what the list says of sizes is only a claim
                left -= len(data)
                if left < 0:
                    raise Refused(f"It unpacks to more than {LARGEST // 2**20} MB.")
                target.write_bytes(data)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise Refused(f"The zip file cannot be unpacked: {error}.") from error


def copy(source: Path, folder: Path) -> None:
    """The files of a folder into a new one, without links and what belongs to version control. Raises Refused."""
    count = size = 0
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if _LEFT_OUT & set(relative.parts):
            continue
        if path.is_symlink():
            raise Refused(f"It holds a link ({relative}), which is not installed.")
        if not path.is_file():
            continue
        count, size = count + 1, size + path.stat().st_size
        if count > MOST_FILES or size > LARGEST:
            raise Refused(f"It holds more than {MOST_FILES} files or {LARGEST // 2**20} MB.")
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def fingerprint(folder: Path) -> str:
    """SHA-256 over the names and contents of all files of an add-on, but for packages and caches."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        relative = path.relative_to(folder)
        if path.is_file() and not _LEFT_OUT & set(relative.parts):
            total.update(f"{relative.as_posix()}\0{path.stat().st_size}\0".encode())
            total.update(path.read_bytes())
    return total.hexdigest()


def _check(members: list[zipfile.ZipInfo]) -> None:
    if not members or len(members) > MOST_FILES:
        raise Refused(f"It holds no files, or more than {MOST_FILES}.")
    if sum(info.file_size for info in members) > LARGEST:
        raise Refused(f"It unpacks to more than {LARGEST // 2**20} MB.")
    seen: set[str] = set()
    for info in members:
        name = info.filename
        path = PurePosixPath(name)
        wrong = path.is_absolute() or ".." in path.parts or bool(_BAD & set(name)) or not name.isprintable()
        if wrong or any(part != part.strip(" ") or part.endswith(".") for part in path.parts):
            raise Refused(f"It holds a file with a name that leads elsewhere ({name[:80]!r}).")
        if stat.S_ISLNK(info.external_attr >> 16) or (info.external_attr >> 16 and not _plain(info)):
            raise Refused(f"It holds a link or a device ({name[:80]!r}), which is not installed.")
        if info.flag_bits & 1:
            raise Refused("It is locked by a password.")
        if name.casefold() in seen:
            raise Refused(f"It holds {name[:80]!r} twice.")
        seen.add(name.casefold())


def _plain(info: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(info.external_attr >> 16)
    return kind in (0, stat.S_IFREG)
