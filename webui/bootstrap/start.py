"""Start at once when everything is there, else install first.

What only an installation needs is imported when there is one: every start passes through here.
"""

import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType

from webui.bootstrap import record
from webui.bootstrap.failure import SetupError, unwritable
from webui.bootstrap.project import Project, find_project
from webui.bootstrap.requirement import is_bare, missing

HELP = """\
Snowfox is not installed yet. Run `python -m webui` once: it makes the folder .venv and installs there.

  --torch BUILD   the torch build to install: cpu, cu126, cu128, cu130, rocm, xpu, pypi, or skip to leave it as it is
                  (chosen for the machine when not given; the variable WEBUI_TORCH_INDEX names an index of your own)
  --offline       use no network: start only if everything is there

`python -m webui test` also installs the test tools and runs the tests.
All other options are listed here once Snowfox is installed.
"""


@dataclass(frozen=True)
class Request:
    """The command line, as far as setting up has to know it."""

    rest: list[str]  # for the program
    torch: str = ""
    offline: bool = False
    test: bool = False

    @property
    def extras(self) -> tuple[str, ...]:
        return ("test",) if self.test else ()


def read_arguments(arguments: list[str]) -> Request:
    """Takes --torch out; --offline stays in, since the program knows it too; `test` hands the rest to pytest."""
    rest: list[str] = []
    torch = ""
    left = iter(arguments)
    for argument in left:
        if argument == "--torch":
            torch = next(left, "")
            if not torch:
                raise SetupError("--torch needs a build, for example: --torch cpu")
        elif argument.startswith("--torch="):
            torch = argument.removeprefix("--torch=")
        else:
            rest.append(argument)
    offline = "--offline" in rest
    plain = [argument for argument in rest if argument != "--offline"]
    if plain[:1] == ["test"]:
        return Request(plain[1:], torch, offline, test=True)
    return Request(rest, torch, offline)


def main(arguments: list[str]) -> int:
    """The exit code; on POSIX a successful start through `.venv` replaces this process and does not return."""
    try:
        program = _prepare(read_arguments(arguments), find_project())
    except SetupError as error:
        print(f"Snowfox: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again to go on where it stopped.", file=sys.stderr)
        return 130
    return program()


def _prepare(request: Request, project: Project | None) -> Callable[[], int]:
    """Set up what is missing; returns the program to run, whose own failures are not set-up's business."""
    if project is None:
        if request.test:
            raise SetupError("The tests come with the source: run `python -m webui test` in a checkout of Snowfox.")
        return partial(_serve, request)
    if is_ready_here(project, request):
        return partial(_test, project, sys.executable, request) if request.test else partial(_serve, request)
    if not is_installed(project, request):
        if {"-h", "--help"} & set(request.rest) and not request.test:
            return _help
        install(project, request)
    python = str(project.python)
    if request.test:
        return partial(_test, project, python, request)
    return partial(_replace, [python, "-m", "webui", *request.rest])


def is_ready_here(project: Project, request: Request) -> bool:
    """Can the running interpreter do it? The project's own `.venv` goes by its record, any other by its packages."""
    if project.runs_here():
        known = record.read(project)
        if known is not None:
            return known.serves(project, request.extras, _wanted_build(request))
    if is_bare() or missing(project.requirements(request.extras)):
        return False
    if request.torch not in ("", "skip"):
        _say("--torch is for the folder .venv; this Python has a torch of its own, which is used as it is.")
    return True


def is_installed(project: Project, request: Request) -> bool:
    """Is `.venv` complete? Without network, older versions within the ranges are good enough."""
    known = record.read(project)
    if known is not None and known.serves(project, request.extras, _wanted_build(request)):
        return True
    if not request.offline:
        return False
    lacking = missing(project.requirements(request.extras), project.site_packages)
    if lacking or not project.python.exists():
        raise SetupError(
            "--offline forbids downloading, and this is not installed yet: "
            f"{', '.join(lacking) or 'Python in .venv'}. Run the command once without --offline."
        )
    _say("Offline: starting with what is installed, though the pinned versions have changed.")
    return True


def install(project: Project, request: Request) -> None:
    """Install under the lock; another start may have done it meanwhile. A build once asked for stays asked for."""
    from webui.bootstrap.install import Installer
    from webui.bootstrap.lock import install_lock
    from webui.bootstrap.machine import detect
    from webui.bootstrap.torch_choice import choose_torch

    try:
        with _termination_as_interruption(), install_lock(project.root / ".venv.lock", _say):
            known = record.read(project)
            if known is not None and known.serves(project, request.extras, _wanted_build(request)):
                return
            extras = tuple(sorted({*request.extras, *(known.extras if known else ())}))
            index = os.environ.get("WEBUI_TORCH_INDEX", "")
            asked = request.torch or (known.asked if known and not index else "")
            choice = choose_torch(detect(), asked, index)
            Installer(project, choice, asked, extras, sys.stderr).run()
    except OSError as error:
        raise SetupError(unwritable(project.root, error)) from error


@contextmanager
def _termination_as_interruption() -> Generator[None]:
    """A SIGTERM during the installation ends pip too, as Ctrl+C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wanted_build(request: Request) -> str:
    """The build that has to be there; empty when any will do."""
    return request.torch or ("index" if os.environ.get("WEBUI_TORCH_INDEX") else "")


def _serve(request: Request) -> int:
    from webui.cli import main as program

    return program(request.rest)


def _test(project: Project, python: str, request: Request) -> int:
    os.chdir(project.root)
    return _replace([python, "-m", "pytest", *request.rest])


def _help() -> int:
    print(HELP, end="")
    return 0


def _replace(command: list[str]) -> int:
    """Become this command. Windows cannot, so there it is a child, which gets Ctrl+C from the console itself."""
    import subprocess

    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform != "win32":
        os.execv(command[0], command)
    with subprocess.Popen(command) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
