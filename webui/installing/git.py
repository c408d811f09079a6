"""Git by fixed commands: no hooks, no submodules, no links, https only, and nothing asked of the user."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from webui.installing.source import Address, Refused

SECONDS = 300
_OPTIONS = (
    "-c", "protocol.allow=never",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.symlinks=false",
    "-c", "core.fsmonitor=false",
    "-c", "credential.helper=",
    "-c", "http.followRedirects=initial",
)  # fmt: skip
_ENVIRONMENT: Mapping[str, str] = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ASKPASS": "",
    "GIT_LFS_SKIP_SMUDGE": "1",
}


class Git:
    """protocol: the only one that is allowed; "file" for repositories of tests."""

    def __init__(self, program: str | None = None, protocol: str = "https") -> None:
        self._program = program or shutil.which("git") or ""
        self._protocol = protocol

    def clone(self, address: Address, folder: Path, branch: str = "") -> str:
        """The newest state of a repository into a new folder; returns its commit. Raises Refused."""
        which = ("--branch", branch) if branch else ()
        fixed = ("--depth", "1", "--no-tags", "--no-recurse-submodules", "--single-branch", "--template=")
        self._run(["clone", *fixed, *which, "--", address.url, str(folder)])
        return self._run(["-C", str(folder), "rev-parse", "HEAD"]).strip()

    def newest(self, address: Address, branch: str = "") -> str:
        """The commit that a clone would bring. Raises Refused."""
        wanted = f"refs/heads/{branch}" if branch else "HEAD"
        lines = self._run(["ls-remote", "--", address.url, wanted]).splitlines()
        if not lines:
            raise Refused("The repository has no such branch.")
        return lines[0].split()[0]

    def _run(self, arguments: Sequence[str]) -> str:
        if not self._program:
            raise Refused("Git is not installed. Install it, or download a zip file and install that.")
        command = [self._program, *_OPTIONS, "-c", f"protocol.{self._protocol}.allow=always", *arguments]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        try:
            done = subprocess.run(
                command,
                env={**kept, **_ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
                text=True,
                errors="replace",
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Refused(f"Git did not finish: {error}.") from error
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise Refused(f"Git could not get it: {last[:300]}")
        return done.stdout
