"""What can go wrong while setting up, in one sentence with the next step."""

from pathlib import Path


class SetupError(Exception):
    """A sentence for the user; the program ends with exit code 1 and no traceback."""


# Looked for in this order: a full disk or a broken certificate also ends in "No matching distribution".
_SENTENCES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("no space left on device", "errno 28", "not enough space on the disk", "disk quota exceeded"),
        "The disk is full: free about {gigabytes} GB and run the same command again; it goes on where it stopped.",
    ),
    (
        ("enable-long-paths", "windows long path"),
        "The folder's path is too long for Windows: move Snowfox to a short one such as C:\\snowfox "
        "(or turn on long paths in Windows) and run the same command again.",
    ),
    (
        ("certificate_verify_failed", "sslerror", "ssl: "),
        "The download's certificate was refused: check the computer's clock, and on a company network ask for the "
        "proxy's certificate and name its file in PIP_CERT. Then run the same command again.",
    ),
    (
        (
            "failed to establish a new connection",
            "name resolution",
            "getaddrinfo failed",
            "nodename nor servname",
            "network is unreachable",
            "connecttimeouterror",
            "connection refused",
            "connection reset",
            "connection broken",
            "connection aborted",
            "read timed out",
            "incompleteread",
            "proxyerror",
            "max retries exceeded",
        ),
        "No network: the downloads could not be reached. Check the connection and run the same command again; "
        "what has been downloaded is kept.",
    ),
    (
        ("permission denied", "errno 13", "access is denied", "winerror 5", "read-only file system", "errno 30"),
        "A file could not be written: close other Snowfox windows, check that the folder is yours, "
        "and run the same command again.",
    ),
    (
        ("externally-managed-environment",),
        "The folder `.venv` is not an environment of its own: delete it and run the same command again.",
    ),
    (
        ("hashes", "not match the hashes"),
        "A download arrived damaged: run the same command again, and if it happens twice add PIP_NO_CACHE_DIR=1.",
    ),
    (
        ("no matching distribution found", "could not find a version"),
        "A needed package has no build for this Python and machine: use a 64-bit Python 3.11, 3.12 or 3.13, "
        "and run the same command again.",
    ),
    (
        ("resolutionimpossible", "conflicting dependencies"),
        "The pinned versions contradict each other here: delete the folder `.venv` and run the same command again; "
        "if it stays so, report it with the log.",
    ),
)


def explain(output: str, what: str, log: Path, gigabytes: int = 3) -> str:
    """The sentence for a failed installer run, with the lines that led to it and the place of the whole log."""
    sentence = f"{what} could not be installed. Run the same command again, and if it stays so report it with the log."
    shown = last_lines(output, 6)
    for signs, candidate in _SENTENCES:
        telling = [line for line in output.splitlines() if any(sign in line.lower() for sign in signs)]
        if telling:
            sentence = candidate.format(gigabytes=gigabytes)
            shown = last_lines("\n".join(telling), 2)
            break
    return "\n".join([sentence, f"From {log}:", *(f"  | {line}" for line in shown)])


def last_lines(output: str, count: int) -> list[str]:
    """The last lines that say something."""
    return [line.rstrip() for line in output.splitlines() if line.strip()][-count:]


def unwritable(folder: Path, error: OSError) -> str:
    """The sentence for a folder in which nothing can be made."""
    if error.errno == 28:
        return f"The disk is full: free about 3 GB and run the same command again ({folder})."
    return (
        f"Snowfox cannot write to {folder} ({error.strerror or error}): "
        "move it to a folder of your own, for example in your home folder, and run the same command again."
    )
