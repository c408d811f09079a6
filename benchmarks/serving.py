"""How quick the house is: page, first picture, next picture, cancel, memory. `python -m benchmarks.serving`.

Every figure is taken from outside, over HTTP, from the program as a user starts it, with the model that ships.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

CHECKOUT = Path(__file__).resolve().parent.parent
KIT = CHECKOUT / "models" / "checkpoints" / "kit.safetensors"
RUNS = 3


@contextmanager
def program(root: Path) -> Iterator[tuple[httpx.Client, subprocess.Popen[str], float]]:
    """The program on a free port: a client for it, its process, and seconds until the page had been served."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "webui", "--root", str(root), "--no-browser", "--port", "0"]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = next(line for line in process.stdout if line.startswith("Running on ")).split()[-1]
    served = time.perf_counter() - began
    try:
        with httpx.Client(base_url=address, timeout=120, trust_env=False) as client:
            yield client, process, served
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def make(client: httpx.Client, **recipe: Any) -> dict[str, Any]:
    """Submit and wait for the end, by the job's own event stream."""
    job = client.post("/api/v1/jobs", json={"prompt": "a fox", "steps": 20, "seed": 1, **recipe}).json()
    with client.stream("GET", f"/api/v1/jobs/{job['id']}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                job = json.loads(line.removeprefix("data: "))
    return job


def cancel(client: httpx.Client) -> tuple[float, float, int]:
    """Seconds until a cancel is acknowledged and until the job has stopped, and the steps it went on for."""
    job = client.post("/api/v1/jobs", json={"prompt": "a fox", "steps": 150, "seed": 1}).json()
    path = f"/api/v1/jobs/{job['id']}"
    while client.get(path).json()["progress"]["step"] < 3:
        time.sleep(0.005)
    step = client.get(path).json()["progress"]["step"]
    asked = time.perf_counter()
    client.post(f"{path}/cancel")
    acknowledged = time.perf_counter() - asked
    while (now := client.get(path).json())["state"] != "cancelled":
        time.sleep(0.002)
    return acknowledged, time.perf_counter() - asked, now["progress"]["step"] - step


def import_gradio() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import gradio"], check=True)
    return time.perf_counter() - began


def measure(root: Path) -> dict[str, float]:
    gradio = import_gradio()
    began = time.perf_counter()
    with program(root) as (client, process, served):
        make(client)
        first = time.perf_counter() - began
        warm: list[float] = []
        for seed in range(3):
            start = time.perf_counter()
            make(client, seed=seed)
            warm.append(time.perf_counter() - start)
        cancels = [cancel(client) for _ in range(5)]
        resident = psutil.Process(process.pid).memory_info().rss / 2**20
    return {
        "import gradio alone, s": gradio,
        "page served, s": served,
        "page served / import gradio (target 1.5)": served / gradio,
        "first picture after start, s (target 20)": first,
        "20 steps at 128 px, warm, s (target 3)": statistics.median(warm),
        "cancel acknowledged, s (target 0.2)": max(done[0] for done in cancels),
        "cancel: stopped after, s": statistics.median(done[1] for done in cancels),
        "cancel: steps it went on for (target 1)": max(done[2] for done in cancels),
        "web process resident, MiB (target 250)": resident,
    }


def main() -> None:
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Path(folder) / "models" / "checkpoints"
        checkpoints.mkdir(parents=True)
        (checkpoints / KIT.name).symlink_to(KIT)
        for _ in range(RUNS):
            rows.append(measure(Path(folder)))
    print(f"{RUNS} runs, median (lowest to highest); load of the machine {os.getloadavg()[0]:.1f}")
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"{name:45} {statistics.median(values):8.2f}   ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
