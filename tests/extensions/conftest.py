"""Add-ons written into a folder, and hosts over it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from webui.host.host import Host, Standing
from webui.settings import Settings

Write = Callable[..., Path]

HEAD = "from webui.extension import Extension\n"


def put(root: Path, name: str, source: str, **files: str) -> Path:
    """Writes an add-on. source: of its __init__.py; files: of its other modules, by name without .py."""
    folder = root / "extensions" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").write_text(dedent(source))
    for module, text in files.items():
        (folder / f"{module}.py").write_text(dedent(text))
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def writing(name: str, source: str, **files: str) -> Path:
        return put(tmp_path, name, source, **files)

    return writing


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """Makes loaded hosts over the folder; all are closed at the end."""
    made: list[Host] = []

    def make(patience: float = 10.0, **settings: object) -> Host:
        new = Host(Settings(root=tmp_path, **settings), patience)  # type: ignore[arg-type]
        made.append(new)
        new.load()
        return new

    yield make
    for one in made:
        one.close()


def standing(host: Host, name: str) -> Standing:
    return next(one for one in host.standings() if one.found.name == name)
