"""Outward: the one place that fetches from other servers."""

import httpx

_SECONDS = 30.0


def fetch(address: str, limit: int) -> bytes:
    """What lies at an https address, of at most `limit` bytes. Raises OSError for whatever goes wrong."""
    try:
        with httpx.stream("GET", address, timeout=_SECONDS, follow_redirects=False) as answer:
            answer.raise_for_status()
            data = bytearray()
            for part in answer.iter_bytes():
                data += part
                if len(data) > limit:
                    raise OSError(f"{address} holds more than {limit} bytes.")
    except httpx.HTTPError as error:
        raise OSError(f"{address} cannot be fetched: {error}") from error
    return bytes(data)
