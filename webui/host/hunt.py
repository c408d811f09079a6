"""The hunt: which of many add-ons does harm? Half of the suspects are on at each start; the user says how it went."""

from collections.abc import Iterable

from webui.host.record import Hunt


def begun(suspects: Iterable[str]) -> Hunt:
    """Of these, one does harm."""
    return _halved(tuple(sorted(suspects)))


def answered(hunt: Hunt, good: bool) -> Hunt:
    """After a start with `hunt.trying` on went well, or did not."""
    if good:
        return _halved(tuple(name for name in hunt.suspects if name not in hunt.trying))
    return _halved(hunt.trying)


def starts_left(hunt: Hunt) -> int:
    """How many more starts it takes, at most."""
    return max(0, (len(hunt.suspects) - 1).bit_length())


def _halved(suspects: tuple[str, ...]) -> Hunt:
    if len(suspects) <= 1:
        return Hunt(suspects, (), suspects[0] if suspects else "")
    return Hunt(suspects, suspects[: (len(suspects) + 1) // 2])
