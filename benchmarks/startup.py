"""What a second start costs before the program itself begins: the set-up's own checks and the change of interpreter.

Run with `python benchmarks/startup.py`. A checkout with a finished `.venv` and an empty program is made in a temporary
folder; each figure is the best of many runs, so that other work on the machine counts little.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = 20
PROGRAM = "def main(arguments: list[str]) -> int:\n    return 0\n"
RECORD = """
from webui.bootstrap import record
from webui.bootstrap.project import find_project
project = find_project()
record.write(project, record.Record(True, record.running_python(), str(project.root), project.digest(), "pypi", "", ()))
"""


def seconds(command: list[str], folder: Path) -> float:
    times: list[float] = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True)
        times.append(time.perf_counter() - start)
    return min(times)


def make_checkout(folder: Path, python: str) -> Path:
    shutil.copytree(ROOT / "webui" / "bootstrap", folder / "webui" / "bootstrap")
    for name in ("webui/__init__.py", "webui/__main__.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "webui" / "cli.py").write_text(PROGRAM)
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder / ".venv")], check=True)
    inside = folder / ".venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    subprocess.run([str(inside), "-c", RECORD], cwd=folder, check=True)
    return inside


def main() -> None:
    python = getattr(sys, "_base_executable", sys.executable)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        inside = str(make_checkout(folder, python))
        direct = seconds([inside, "-c", "from webui.cli import main; main([])"], folder)
        through = seconds([inside, "-m", "webui"], folder)
        from_bare = seconds([python, "-m", "webui"], folder)
    print(f"program alone, Python of .venv:          {direct * 1000:6.0f} ms")
    print(f"python -m webui with Python of .venv:    {through * 1000:6.0f} ms  (+{(through - direct) * 1000:.0f} ms)")
    print(f"python -m webui with a bare Python:      {from_bare * 1000:6.0f} ms")
    print(f"a second start adds {from_bare - direct:.2f} s; the aim is below 0.30 s")


if __name__ == "__main__":
    main()
