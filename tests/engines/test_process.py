"""The process engine when things go wrong: whatever happens to the worker, the next job runs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipelines.events import Cancelled, Failed, Finished
from pipelines.recipe import Recipe
from tests.engines.conftest import Ready
from tests.engines.test_contract import recipe, until_step
from webui.engines.child import Launch
from webui.engines.messages import Setup
from webui.engines.process import ProcessEngine

Started = tuple[ProcessEngine, Ready]
BLIND = Recipe(prompt="a fox", seed=1)
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")


def pid(engine: ProcessEngine) -> int:
    assert engine.pid is not None
    return engine.pid


@POSIX
@pytest.mark.parametrize(
    ("number", "cause", "words"), [(signal.SIGKILL, "killed", "memory runs out"), (signal.SIGSEGV, "crash", "SIGSEGV")]
)
def test_a_worker_that_dies_fails_its_job_with_the_reason_and_comes_back(
    process: Started, number: signal.Signals, cause: str, words: str
) -> None:
    engine, ready = process
    events = engine.run("first", recipe(engine, steps=150), {})
    until_step(events, 2)
    dead, announced = pid(engine), len(ready.seen)
    os.kill(dead, number)
    failed = list(events)[-1]
    assert isinstance(failed, Failed)
    assert failed.cause == cause and words in failed.message
    ready.wait("ready", announced)
    assert isinstance(list(engine.run("second", recipe(engine), {}))[-1], Finished)
    assert pid(engine) != dead


@POSIX
def test_a_job_may_be_given_while_the_worker_is_coming_back(process: Started) -> None:
    engine, _ = process
    os.kill(pid(engine), signal.SIGKILL)
    deadline = time.monotonic() + 30
    while engine.status.phase == "ready" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert engine.status.catalogue is not None  # what was known stays readable
    assert isinstance(list(engine.run("job", recipe(engine), {}))[-1], Finished)


@POSIX
def test_a_deaf_worker_is_killed_after_the_grace(process: Started) -> None:
    engine, ready = process
    events = engine.run("deaf", recipe(engine, steps=150), {})
    until_step(events, 2)
    deaf, announced = pid(engine), len(ready.seen)
    os.kill(deaf, signal.SIGSTOP)
    engine.cancel("deaf")
    last = list(events)[-1]
    assert isinstance(last, Cancelled) and last.forced
    ready.wait("ready", announced)
    assert not psutil.pid_exists(deaf)
    assert isinstance(list(engine.run("next", recipe(engine), {}))[-1], Finished)


@POSIX
def test_kill_now_does_not_wait_for_the_grace(setup: Setup, tmp_path: Path) -> None:
    engine, ready = ProcessEngine(Launch(setup, tmp_path / "log"), grace=3600, loading_grace=3600), Ready()
    engine.start(ready)
    ready.wait("ready")
    try:
        events = engine.run("job", recipe(engine, steps=150), {})
        until_step(events, 1)
        os.kill(pid(engine), signal.SIGSTOP)
        engine.cancel("job")
        engine.kill("job")
        last = list(events)[-1]
        assert isinstance(last, Cancelled) and last.forced
    finally:
        engine.close()


def test_closing_leaves_no_process_behind(setup: Setup, tmp_path: Path) -> None:
    engine, ready = ProcessEngine(Launch(setup, tmp_path / "log")), Ready()
    engine.start(ready)
    ready.wait("ready")
    child = pid(engine)
    engine.close()
    assert not psutil.pid_exists(child)
    assert ready.seen[-1].phase == "closed"


@POSIX
def test_the_worker_ends_when_its_parent_is_killed(setup: Setup, tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from webui.engines.child import Launch\n"
        "from webui.engines.messages import Setup\n"
        "from webui.engines.process import ProcessEngine\n"
        "models, folder = map(Path, sys.argv[1:])\n"
        "engine = ProcessEngine(Launch(Setup(models, folder, 'cpu'), folder / 'log'))\n"
        "engine.start(lambda status: print(status.phase, engine.pid, flush=True))\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", program, str(setup.models), str(tmp_path)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as lines:
        worker = next(int(line.split()[1]) for line in lines if line.startswith("ready"))
        parent.kill()
        parent.wait(30)
    psutil.wait_procs([psutil.Process(worker)] if psutil.pid_exists(worker) else [], timeout=30)
    assert not psutil.pid_exists(worker)


def test_a_worker_that_never_starts_is_told_and_not_tried_for_ever(setup: Setup, tmp_path: Path) -> None:
    command = (sys.executable, "-c", "import sys; sys.exit('no torch here')")
    engine, ready = ProcessEngine(Launch(setup, tmp_path / "log", command)), Ready()
    engine.start(ready)
    status = ready.wait("failed")
    assert "does not start" in status.message and "exit code 1" in status.message
    failed = list(engine.run("job", BLIND, {}))[-1]
    assert isinstance(failed, Failed) and "does not start" in failed.message
    engine.close()


def test_a_job_that_waits_for_a_starting_engine_can_be_cancelled(setup: Setup, tmp_path: Path) -> None:
    command = (sys.executable, "-c", "import time; time.sleep(600)")
    engine = ProcessEngine(Launch(setup, tmp_path / "log", command))
    engine.start(Ready())
    events = engine.run("job", BLIND, {})
    engine.cancel("job")
    assert list(events) == [Cancelled("job")]
    engine.close()
