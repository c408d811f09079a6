"""The CLIP tokenizer's files, made from the byte-pair merges that the `openai-clip` package carries (MIT).

    python -m pipelines.training.vocabulary --merges bpe_simple_vocab_16e6.txt.gz --to pipelines/configs/clip_tokenizer

Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision"; the size and
order of the vocabulary are facts of every CLIP-L text model: 256 bytes, the same 256 as ends of words, 48,894 merges,
and two special tokens make 49,408 entries.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

MERGES = 49152 - 256 - 2
START, END = "<|startoftext|>", "<|endoftext|>"


def byte_letters() -> list[str]:
    """The 256 printable letters that stand for bytes: the printable bytes first, then the others from U+0100 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = 256 - len(printable)
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(others)]


def read_merges(path: Path) -> list[str]:
    """The 48,894 merges of CLIP ("first second"), without the header line and the unused rest of the file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    return lines[1 : MERGES + 1]


def number_tokens(merges: list[str]) -> dict[str, int]:
    """Token → number, in the order that CLIP's embedding table has."""
    letters = byte_letters()
    tokens = [*letters, *(letter + "</w>" for letter in letters)]
    tokens += ["".join(merge.split()) for merge in merges]
    tokens += [START, END]
    return {token: number for number, token in enumerate(tokens)}


def special(content: str) -> dict[str, object]:
    return {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}


def write_tokenizer(merges: list[str], folder: Path) -> None:
    """Writes vocab.json, merges.txt, tokenizer_config.json and special_tokens_map.json as SD 1.x has them."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = json.dumps(number_tokens(merges), ensure_ascii=False, separators=(",", ":"))
    (folder / "vocab.json").write_text(vocabulary, encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    tokens = {"bos_token": special(START), "eos_token": special(END), "unk_token": special(END), "pad_token": END}
    (folder / "special_tokens_map.json").write_text(json.dumps(tokens, indent=2) + "\n", encoding="utf-8")
    config = {
        **tokens,
        "add_prefix_space": False,
        "do_lower_case": True,
        "errors": "replace",
        "model_max_length": 77,
        "tokenizer_class": "CLIPTokenizer",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the CLIP tokenizer's files.")
    parser.add_argument("--merges", type=Path, required=True, help="bpe_simple_vocab_16e6.txt.gz of openai-clip")
    parser.add_argument("--to", type=Path, required=True, help="the folder to write")
    arguments = parser.parse_args()
    write_tokenizer(read_merges(arguments.merges), arguments.to)


if __name__ == "__main__":
    main()
