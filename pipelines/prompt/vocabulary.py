"""Vocabulary: CLIP's byte-level BPE (Radford et al. 2021), which comes with this package. Without torch."""

from collections.abc import Callable
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

FOLDER = Path(__file__).parent.parent / "configs" / "clip_tokenizer"

_WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def clip_tokens(folder: Path = FOLDER) -> Callable[[str], list[int]]:
    """Text -> token numbers, without start and end. Reads the files: keep the result.

    folder -- holds vocab.json and merges.txt
    """
    model = models.BPE.from_file(
        str(folder / "vocab.json"),
        str(folder / "merges.txt"),
        end_of_word_suffix="</w>",
        fuse_unk=False,
        unk_token="<|endoftext|>",
    )
    tokenizer = Tokenizer(model)
    # Lower case, words end in </w>.
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])

    def tokens(text: str) -> list[int]:
        # The surrogates that broken JSON may carry have no place in the vocabulary.
        clean = text.encode("utf-8", "replace").decode("utf-8")
        return tokenizer.encode(clean, add_special_tokens=False).ids

    return tokens
