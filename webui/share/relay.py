"""Relay: Gradio's public relay as a provider.

Its client is a program that has to be fetched. It is run only when its bytes are those that Gradio's package names,
looked at before every start; anything else is deleted, not run.
"""

import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipelines import atomic
from webui.server import relay
from webui.share.provider import Plan, Provider, ShareError

_SUCCESS = re.compile(r"start proxy success: (\S+)")
_LARGEST_CLIENT = 64 * 2**20
_LARGEST_ANSWER = 64 * 1024

Fetch = Callable[[str, int], bytes]
"""(address, most bytes) -> what lies there; raises OSError."""


@dataclass(frozen=True)
class Relay:
    """folder: where the client and the relay's certificate are kept.

    api    -- answers with host, port and certificate of the relay
    client -- address of the program; digest: its SHA-256
    """

    folder: Path
    fetch: Fetch
    api: str
    client: str
    digest: str

    def prepare(self, local: int) -> Plan:
        """Raises ShareError."""
        program = self._program()
        try:
            relay = _Answer.read(self.fetch(self.api, _LARGEST_ANSWER))
        except (OSError, ValueError) as error:
            raise ShareError("Gradio's relay does not answer. Are you online? Try again, or share by ssh.") from error
        certificate = self.folder / "certificate.pem"
        atomic.write(certificate, relay.certificate.encode())
        name = secrets.token_hex(32)
        argv = [str(program), "http", "-n", name, "-l", str(local), "-i", "127.0.0.1", "--uc", "--sd", "random", "--ue"]
        argv += ["--server_addr", f"{relay.host}:{relay.port}", "--disable_log_color"]
        argv += ["--tls_enable", "--tls_trusted_ca_file", str(certificate)]
        return Plan(tuple(argv), _SUCCESS)

    def _program(self) -> Path:
        """The client, proved to be the right one."""
        if not self.digest:
            raise ShareError("Gradio's relay has no client for this kind of machine. Share by ssh instead.")
        path = self.folder / self.client.rpartition("/")[2]
        if not path.exists():
            try:
                atomic.write(path, self.fetch(self.client, _LARGEST_CLIENT))
            except OSError as error:
                raise ShareError("The program for the tunnel could not be fetched. Are you online?") from error
        if hashlib.sha256(path.read_bytes()).hexdigest() != self.digest:
            path.unlink()
            raise ShareError("The program for the tunnel was not the one expected; it was deleted and not run.")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path


@dataclass(frozen=True)
class _Answer:
    host: str
    port: int
    certificate: str

    @staticmethod
    def read(data: bytes) -> "_Answer":
        """Raises ValueError for anything but the relay's customary answer."""
        try:
            first = json.loads(data)[0]
            host, port, certificate = str(first["host"]), int(first["port"]), str(first["root_ca"])
        except (LookupError, TypeError) as error:
            raise ValueError("no relay in the answer") from error
        if not re.fullmatch(r"[\w.-]+", host):
            raise ValueError("the relay's name is none")
        return _Answer(host, port, certificate)


def gradio(folder: Path, fetch: Fetch) -> Provider:
    """The relay that Gradio's own package knows."""

    def prepare(local: int) -> Plan:
        api, client, digest = relay()
        return Relay(folder, fetch, os.environ.get("GRADIO_API_SERVER") or api, client, digest).prepare(local)

    return Provider("gradio", "Gradio's relay", prepare)
