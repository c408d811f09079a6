"""Prompt: text to conditioning.

So far a prompt is plain text. The prompt language (attention, editing, AND, BREAK) takes its place between `Tokens.of`
and `chunks`: weights belong to tokens, so a chunk will carry them beside its ids.
"""

from collections.abc import Sequence
from typing import Any

import torch

CHUNK = 75
"""Tokens of text that the encoder sees at once, between a start and an end token."""

COMMA_BACKTRACK = 20
"""A chunk that is full is cut at a comma if fewer than so many tokens follow it."""


class ClipText:
    """CLIP's vocabulary and text model, encoding prompts of any length chunk by chunk."""

    def __init__(self, tokenizer: Any, model: Any) -> None:
        """tokenizer: a transformers CLIPTokenizer; model: a transformers CLIPTextModel."""
        self._tokenizer = tokenizer
        self._model = model
        # Some releases of transformers wrap the text model once more.
        self._inner = getattr(model, "text_model", model)
        self._start = int(tokenizer.bos_token_id)
        self._end = int(tokenizer.eos_token_id)
        self._comma = next(iter(self.tokens(",")), None)

    def tokens(self, text: str) -> list[int]:
        """The vocabulary's numbers for a text, without start and end."""
        # The surrogates that broken JSON may carry have no place in the vocabulary.
        clean = text.encode("utf-8", "replace").decode("utf-8")
        return list(self._tokenizer(clean, add_special_tokens=False, truncation=False, verbose=False)["input_ids"])

    def encode(self, texts: Sequence[str], skip: int = 1) -> tuple[torch.Tensor, ...]:
        """The conditioning of each text: (1, 77 * n, width), with the same n for all of them.

        skip -- from which layer: 1 is the last, 2 the one before …
        """
        pieces = [chunks(self.tokens(text), self._comma) for text in texts]
        count = max(len(piece) for piece in pieces)
        padded = [[*piece, *([[]] * (count - len(piece)))] for piece in pieces]
        return tuple(self._encode_chunks(piece, skip) for piece in padded)

    @torch.inference_mode()
    def _encode_chunks(self, pieces: list[list[int]], skip: int) -> torch.Tensor:
        rows = [[self._start, *piece, *([self._end] * (CHUNK + 1 - len(piece)))] for piece in pieces]
        ids = torch.tensor(rows, device=self._model.device)
        output = self._model(input_ids=ids, output_hidden_states=skip > 1)
        if skip > 1:
            layers = output.hidden_states
            state = self._inner.final_layer_norm(layers[-min(skip, len(layers) - 1)])
        else:
            state = output.last_hidden_state
        return state.reshape(1, -1, state.shape[-1])


def chunks(tokens: Sequence[int], comma: int | None, backtrack: int = COMMA_BACKTRACK) -> list[list[int]]:
    """The tokens in pieces of at most 75; one empty piece for no tokens.

    A full piece whose last comma is followed by fewer than `backtrack` tokens is cut behind that comma, so that a
    phrase is not torn apart, unless the next token is itself a comma.
    """
    done: list[list[int]] = []
    piece: list[int] = []
    last_comma = -1
    for token in tokens:
        if len(piece) == CHUNK:
            tail = CHUNK - 1 - last_comma
            moved: list[int] = []
            if token != comma and last_comma >= 0 and 0 < tail < backtrack:
                piece, moved = piece[: last_comma + 1], piece[last_comma + 1 :]
            done.append(piece)
            piece, last_comma = moved, -1
        if token == comma:
            last_comma = len(piece)
        piece.append(token)
    return [*done, piece] if piece or not done else done
