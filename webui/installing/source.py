"""Sources: where an add-on may be installed from, told by its address alone."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from webui.addons.found import NAME

KNOWN_HOSTS = ("github.com", "gitlab.com", "codeberg.org")
_PATH = re.compile(r"(?:/[A-Za-z0-9_][A-Za-z0-9._~-]{0,99}){2,6}/?")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,120}")


class Refused(ValueError):
    """Something that is not installed; the text is a sentence."""


@dataclass(frozen=True)
class Address:
    """A git repository. known: its host is one that people know; others need a typed confirmation."""

    url: str
    name: str
    known: bool


def address(text: str) -> Address:
    """Raises Refused for all but a plain https address of a repository."""
    text = text.strip()
    if not text.isascii() or any(sign.isspace() or ord(sign) < 33 for sign in text):
        raise Refused("The address holds characters that do not belong there.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise Refused("This is no address.") from error
    if parts.scheme != "https":
        raise Refused("Only addresses that begin with https:// are installed from.")
    if parts.username or parts.password or parts.query or parts.fragment or port not in (None, 443):
        raise Refused("The address has to be plain: without a name, a password, a port, '?' or '#'.")
    host = (parts.hostname or "").lower()
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+", host):
        raise Refused("The address names no host.")
    if host.rpartition(".")[2].isdecimal() or not _PATH.fullmatch(parts.path) or ".." in parts.path:
        raise Refused("The address is not that of a repository.")
    name = parts.path.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return Address(f"https://{host}{parts.path.rstrip('/')}", checked_name(name), host in KNOWN_HOSTS)


def branch(text: str) -> str:
    """The name of a branch, or ""; raises Refused."""
    text = text.strip()
    if text and (not _BRANCH.fullmatch(text) or ".." in text or text.endswith((".lock", "/", "."))):
        raise Refused("This is no name of a branch.")
    return text


def checked_name(text: str) -> str:
    """The folder's name for an add-on. Raises Refused."""
    name = text.replace(".", "-")
    if not NAME.fullmatch(name) or name.upper() in ("CON", "PRN", "AUX", "NUL"):
        raise Refused(f"'{text}' cannot be the name of an add-on's folder.")
    return name
