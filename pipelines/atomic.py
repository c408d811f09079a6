"""Atomic writes: under the final name stands either the old file or the new one, whole."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path


def write(path: Path, data: bytes, generations: int = 0) -> None:
    """Write `data` to `path` by way of a temporary file in the same folder.

    generations -- how many earlier versions to keep as `name.1`, `name.2` (newest first)

    Raises OSError with the old file untouched when the disk is full or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        for number in range(generations, 0, -1):
            older = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
            if older.exists():
                _keep(older, path.with_name(f"{path.name}.{number}"))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_new(folder: Path, names: Sequence[str], data: bytes) -> Path:
    """Write `data` under the first of `names` that is still free; never replaces a file.

    Raises FileExistsError when every name is taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".new.", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        for name in names:
            target = folder / name
            if _claim(Path(temporary), target):
                _sync_folder(folder)
                return target
        raise FileExistsError(f"Every name is taken in {folder}.")
    finally:
        Path(temporary).unlink(missing_ok=True)


def _claim(temporary: Path, target: Path) -> bool:
    """Give the finished file its name, unless that name is taken."""
    try:
        os.link(temporary, target)
        return True
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links, such as FAT
        if target.exists():
            return False
        os.replace(temporary, target)
        return True


def _keep(path: Path, copy: Path) -> None:
    copy.unlink(missing_ok=True)
    try:
        os.link(path, copy)
    except OSError:
        copy.write_bytes(path.read_bytes())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
