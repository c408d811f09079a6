"""Described: what is in an upscaler's file, worked out in the background and remembered."""

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from pipelines.device import Device
from pipelines.filefacts import FileFacts
from pipelines.header import Version
from pipelines.recipe import Json
from pipelines.upscaling import networks
from pipelines.upscaling.networks import UpscalerError

_TOPIC = "upscaler"


class Described:
    def __init__(self, facts: FileFacts, found: Callable[[], None], building: threading.Lock) -> None:
        """facts: where it is remembered; found: called from the background thread after each file.

        building -- held while a network is built
        """
        self._building = building
        self._facts = facts
        self._found = found
        self._lock = threading.Lock()
        self._known = facts.known(_TOPIC)
        self._waiting: list[Version] = []
        self._thread: threading.Thread | None = None
        self._closed = False

    def get(self, version: Version) -> dict[str, Json]:
        """scale, kind; or problem, a sentence; nothing while it is not known."""
        with self._lock:
            return json.loads(self._known.get(_absolute(version), "{}"))

    def want(self, versions: Iterable[Version]) -> None:
        """Look into those that are unknown, the smallest first; replaces what was wanted before."""
        with self._lock:
            unknown = {version for version in map(_absolute, versions) if version not in self._known}
            self._waiting = sorted(unknown, key=lambda version: version.bytes, reverse=True)
            if self._waiting and self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="upscalers", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop the background work."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            thread.join(5)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or self._closed:
                    self._thread = None
                    return
                version = self._waiting.pop()
            with self._building:
                told, lasting = _described(version.path)
            with self._lock:
                self._known[version] = json.dumps(told)
            if lasting:
                self._facts.keep(_TOPIC, {version: json.dumps(told)})
            self._found()


def _described(path: Path) -> tuple[dict[str, Json], bool]:
    """What is in a file, and whether that is a matter of the file alone."""
    try:
        network = networks.load(path, Device("cpu", torch.float32, ""))
    except UpscalerError as error:
        return {"problem": str(error)}, error.lasting
    except MemoryError:
        return {"problem": "The memory did not suffice to look into it."}, False
    if network.faces:
        return {"problem": "It mends faces: put it into models/faces."}, True
    return {"scale": network.scale, "kind": network.kind}, True


def _absolute(version: Version) -> Version:
    return version._replace(path=version.path.absolute())
