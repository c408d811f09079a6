"""Many clients at once: each gets its own picture and its own text, whichever API it speaks."""

import asyncio

from benchmarks.api_load import all_clients


def test_every_answer_belongs_to_the_one_who_asked(address: str) -> None:
    right, took, _ = asyncio.run(all_clients(address, clients=12, requests=4))
    assert (right, len(took)) == (48, 48)
