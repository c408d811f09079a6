"""Counting a prompt's tokens without torch."""

import threading
from collections.abc import Callable
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def counter(vocabulary: Path) -> Callable[[str], int]:
    """A function that counts CLIP's tokens, start and end not included. It reads `vocabulary` at its first call.

    vocabulary -- folder with vocab.json and merges.txt
    """
    lock = threading.Lock()
    made: list[Tokenizer] = []

    def count(text: str) -> int:
        with lock:
            if not made:
                made.append(_tokenizer(vocabulary))
        return len(made[0].encode(text, add_special_tokens=False).ids)

    return count


def _tokenizer(vocabulary: Path) -> Tokenizer:
    """CLIP's byte-level BPE (Radford et al. 2021): lower case, words end in </w>."""
    model = models.BPE.from_file(
        str(vocabulary / "vocab.json"),
        str(vocabulary / "merges.txt"),
        end_of_word_suffix="</w>",
        fuse_unk=False,
        unk_token="<|endoftext|>",
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return tokenizer
