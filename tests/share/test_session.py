"""Sharing from its beginning to its end: expiry, loss, stop, kick, the relay's program, a tunnel by ssh."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import httpx
import psutil
import pytest

from tests.share.conftest import CLIENT_BYTES, Clock, relay, until
from webui.settings import SettingsError
from webui.share.caps import Caps
from webui.share.provider import Plan, Provider, ShareError, command, ssh
from webui.share.session import Share
from webui.share.site import Owner

Visit = Callable[[str], httpx.Client]


def listens(link: str) -> bool:
    host, _, port = link.removeprefix("http://").partition("/")[0].partition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True


def children() -> list[str]:
    return [child.name() for child in psutil.Process().children(recursive=True) if child.status() != "zombie"]


def test_stop_closes_the_port_and_ends_the_tunnel_and_deletes_what_guests_kept(
    share: Share, provider: Provider, visit: Visit, tmp_path: Path
) -> None:
    link = share.start(provider).link
    guest = visit(link)
    assert guest.get("/api/v1/status").status_code == 200
    before = children()
    share.stop()
    assert not listens(link) and share.state.phase == "off" and len(children()) < len(before)
    assert until(lambda: not (share._folder.exists() and any(share._folder.iterdir())))  # pyright: ignore[reportPrivateUsage]
    second = share.start(provider).link
    assert second.rpartition("/")[2] != link.rpartition("/")[2]
    share.stop()


def test_the_link_ends_by_itself(share: Share, provider: Provider, clock: Clock) -> None:
    link = share.start(provider, hours=8).link
    assert 7.9 * 3600 < share.state.left <= 8 * 3600
    clock.ahead += 8 * 3600
    assert until(lambda: share.state.phase == "off") and "time" in share.state.message
    assert not listens(link)


@pytest.mark.parametrize("hours", [0, -1, 72.5, float("nan")])
def test_a_link_lives_for_72_hours_at_most(share: Share, provider: Provider, hours: float) -> None:
    with pytest.raises(ShareError, match="72"):
        share.start(provider, hours=hours)
    assert share.state.phase == "off"


def test_a_lost_tunnel_is_told_and_closes_the_door(share: Share, provider: Provider) -> None:
    link = share.start(provider).link
    for child in psutil.Process().children(recursive=True):
        if "client" in " ".join(child.cmdline()):
            child.kill()
    assert until(lambda: share.state.phase == "off", 10) and "lost" in share.state.message
    assert not listens(link)


def test_a_kicked_guest_is_out_and_cannot_use_the_old_cookie(share: Share, provider: Provider, visit: Visit) -> None:
    link = share.start(provider).link
    guest, other = visit(link), visit(link)
    assert [known.name for known in share.state.guests] == ["Guest 1", "Guest 2"]
    assert share.kick(1)
    assert guest.get("/api/v1/status").status_code == 404 and other.get("/api/v1/status").status_code == 200
    share.stop()


def test_a_pass_phrase_is_asked_for(share: Share, provider: Provider) -> None:
    link = share.start(provider, phrase="white fox").link
    base = link.partition("/s/")[0]
    with httpx.Client(base_url=base, trust_env=False, headers={"Origin": base}) as guest:
        assert "pass phrase" in guest.get(link).text and not guest.cookies
        assert guest.post(link, data={"phrase": "red fox"}).status_code == 403 and not guest.cookies
        assert guest.post(link, data={"phrase": "white fox"}).status_code == 200
        assert guest.get("/api/v1/status").status_code == 200
    share.stop()


def test_guessing_is_slowed_down(share: Share, provider: Provider, clock: Clock) -> None:
    link = share.start(provider).link
    base, _, token = link.partition("/s/")
    with httpx.Client(base_url=base, trust_env=False) as stranger:
        answers = [stranger.get(f"/s/{number}").status_code for number in range(40)]
        assert answers[:30] == [404] * 30 and answers[30:] == [429] * 10
        assert stranger.get(f"/s/{token}").status_code == 429
        clock.ahead += 61
        assert stranger.get(f"/s/{token}").status_code == 200
    share.stop()


def test_no_more_guests_than_there_is_room_for(owner: Owner, provider: Provider, tmp_path: Path, visit: Visit) -> None:
    small = Share(tmp_path / "guests", owner.make_guest, owner.listen, Caps(guests=1))
    link = small.start(provider).link
    visit(link)
    assert httpx.get(link, trust_env=False).status_code == 503
    small.stop()


def test_a_relay_program_with_other_bytes_is_never_run(tmp_path: Path, share: Share) -> None:
    ran = tmp_path / "ran"
    evil = f"#!/bin/sh\ntouch {ran}\n".encode()
    for _ in range(2):
        with pytest.raises(ShareError, match="deleted"):
            share.start(Provider("x", "x", relay(tmp_path / "relay", evil).prepare))
        assert not ran.exists() and not (tmp_path / "relay" / "client").exists()
    assert share.state.phase == "off" and "deleted" in share.state.message


def test_a_relay_program_that_was_changed_later_is_not_run_either(tmp_path: Path, share: Share) -> None:
    good = relay(tmp_path / "relay")
    assert Path(good.prepare(1).argv[0]).read_bytes() == CLIENT_BYTES
    (tmp_path / "relay" / "client").write_bytes(CLIENT_BYTES + b"# changed\n")
    with pytest.raises(ShareError, match="deleted"):
        good.prepare(1)


def test_a_program_that_is_not_there_or_ends_is_told(share: Share) -> None:
    for words, told in (
        ("command:/nowhere/at/all {port}", "cannot be started"),
        ("command:sh -c 'echo no such host {port}; exit 3'", "no such host"),
    ):
        with pytest.raises(ShareError, match=told):
            share.start(command(words))
        assert share.state.phase == "off"


@pytest.mark.parametrize(
    "name",
    [
        "ssh:",
        "ssh:host",
        "ssh:-oProxyCommand=x@host",
        "ssh:a@b c",
        "ssh:a@b:port",
        "ssh:a@-b;x",
        "gradio2",
        "command:x",
    ],
)
def test_ways_that_cannot_be_understood_are_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        (command if name.startswith("command:") else ssh)(name)


def test_the_local_program_is_untouched_by_sharing_and_its_end(share: Share, provider: Provider, owner: Owner) -> None:
    share.start(provider)
    assert owner.service.status.phase == "ready"
    share.stop()
    assert owner.service.status.phase == "ready"


@dataclass
class Sshd:
    port: int
    key: Path


class _Lets(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return False

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        return True


@pytest.fixture
def sshd() -> Iterator[int]:
    """A throw-away ssh server on loopback that lets anyone in and listens for them; gives its port."""
    loop = asyncio.new_event_loop()
    ready: list[int] = []
    started, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        server = await asyncssh.listen("127.0.0.1", 0, server_factory=_Lets, server_host_keys=[key])
        ready.append(server.get_port())
        started.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(20)
    yield ready[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def test_a_tunnel_by_ssh_carries_the_page(
    share: Share, sshd: int, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.3", 0))
        far = free.getsockname()[1]
    way = ssh(f"ssh:guest@127.0.0.1:{sshd}/127.0.0.3:{far}")

    def prepare(port: int) -> Plan:
        plan = way.prepare(port)
        known = ["-o", f"UserKnownHostsFile={tmp_path / 'known_hosts'}", "-F", "none"]
        return Plan((plan.argv[0], *known, *plan.argv[1:]), plan.ready, plan.address)

    link = share.start(Provider(way.name, way.title, prepare)).link
    assert link.startswith(f"http://127.0.0.3:{far}/s/")
    assert visit(link).get("/api/v1/status").status_code == 200
    share.stop()
    assert not listens(link)
