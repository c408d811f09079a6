"""Many clients at once: `python -m benchmarks.api_load [clients] [requests each]`.

The program runs as users start it, with the fake engine, whose steps take a fixed time; the clients are another
process. Each request has a prompt and a seed of its own, and the picture's colour follows from both, so that an
answer that belongs to somebody else is found. Half of the clients speak A1111's API, half our own.
"""

import asyncio
import base64
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import psutil
from PIL import Image

CHECKOUT = Path(__file__).resolve().parent.parent
STEPS = 1
ENGINE = 0.05 * STEPS
"""Seconds that the fake engine takes for a picture."""


@contextmanager
def program(root: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A program with the fake engine, on a free port: its address and its process."""
    command = [sys.executable, "-m", "webui", "--root", str(root), "--no-browser", "--port", "0", "--engine", "fake"]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = next(line for line in process.stdout if line.startswith("Running on ")).split()[-1]
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def order(client: int, number: int) -> dict[str, Any]:
    return {"prompt": f"client {client} picture {number}", "seed": client * 1000 + number, "steps": STEPS}


def own(data: bytes, wanted: dict[str, Any]) -> bool:
    """Whether the picture and its text are those of this order."""
    image = Image.open(BytesIO(data))
    colour = hashlib.sha256(f"{wanted['prompt']} {wanted['seed']}".encode()).digest()[:3]
    said = str(image.info.get("parameters", ""))
    return image.getpixel((0, 0)) == tuple(colour) and said.startswith(wanted["prompt"] + "\n")


async def by_a1111s(http: httpx.AsyncClient, wanted: dict[str, Any]) -> bytes:
    body = {**wanted, "width": 64, "height": 64, "sampler_name": "Euler a"}
    answer = (await http.post("/sdapi/v1/txt2img", json=body)).json()
    assert json.loads(answer["info"])["seed"] == wanted["seed"]
    return base64.b64decode(answer["images"][0])


async def by_ours(http: httpx.AsyncClient, wanted: dict[str, Any]) -> bytes:
    job = (await http.post("/api/v1/jobs", json={**wanted, "width": 64, "height": 64})).json()
    async with http.stream("GET", f"/api/v1/jobs/{job['id']}/events") as events:
        async for line in events.aiter_lines():
            if line.startswith("data: "):
                job = json.loads(line.removeprefix("data: "))
    return (await http.get(f"/api/v1/images/{job['images'][0]['id']}")).content


async def one_client(address: str, client: int, requests: int) -> tuple[int, list[float]]:
    """How many answers were its own, and the seconds each took."""
    right, took = 0, []
    ask = by_a1111s if client % 2 else by_ours
    async with httpx.AsyncClient(base_url=address, timeout=600, trust_env=False) as http:
        for number in range(requests):
            wanted = order(client, number)
            began = time.perf_counter()
            data = await ask(http, wanted)
            took.append(time.perf_counter() - began)
            right += own(data, wanted)
    return right, took


async def all_clients(address: str, clients: int, requests: int) -> tuple[int, list[float], float]:
    began = time.perf_counter()
    done = await asyncio.gather(*(one_client(address, client, requests) for client in range(clients)))
    whole = time.perf_counter() - began
    return sum(right for right, _ in done), [seconds for _, took in done for seconds in took], whole


def overhead(address: str, requests: int, ask: Any) -> list[float]:
    """Seconds beyond the engine's own, of one client that waits for each answer."""

    async def alone() -> list[float]:
        found: list[float] = []
        async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as http:
            for number in range(requests):
                began = time.perf_counter()
                await ask(http, order(999, number))
                found.append(time.perf_counter() - began - ENGINE)
        return found

    return asyncio.run(alone())


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main() -> None:
    clients, requests = (int(argument) for argument in (sys.argv[1:] or ["50", "10"])[:2])
    with tempfile.TemporaryDirectory() as folder, program(Path(folder)) as (address, process):
        asyncio.run(all_clients(address, 2, 3))
        for name, ask in (("A1111's API", by_a1111s), ("our API", by_ours)):
            beyond = overhead(address, 60, ask)
            print(f"{name}, one client: {statistics.median(beyond) * 1000:.1f} ms beyond the engine's "
                  f"{ENGINE * 1000:.0f} ms (p95 {p95(beyond) * 1000:.1f})")  # fmt: skip
        before = process.cpu_times()
        right, took, whole = asyncio.run(all_clients(address, clients, requests))
        after = process.cpu_times()
        cpu = after.user + after.system - before.user - before.system
    total = clients * requests
    print(f"{right} of {total} answers were the client's own")
    print(f"{whole / total * 1000:.1f} ms a picture, the engine's {ENGINE * 1000:.0f} included; "
          f"{cpu / total * 1000:.1f} ms of it work of the web process")  # fmt: skip
    print(f"waiting in the queue included: median {statistics.median(took):.2f} s, p95 {p95(took):.2f} s")
    print(f"load of the machine {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
