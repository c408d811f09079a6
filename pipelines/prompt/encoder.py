"""Encoder: CLIP's text model, from the pieces of a prompt to what the U-Net listens to."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from pipelines.prompt.pieces import CHUNK, Chunk, Word, chunks
from pipelines.recipe import Emphasis

TOGETHER = 16
"""Chunks in one call of the model."""


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

    @property
    def model(self) -> Any:
        """The torch module."""
        return self._model

    @property
    def width(self) -> int:
        """Numbers in a token's vector."""
        return int(self._inner.embeddings.token_embedding.weight.shape[1])

    def tokens(self, text: str) -> list[int]:
        """The vocabulary's numbers for a text, without start and end."""
        # The surrogates that broken JSON may carry have no place in the vocabulary.
        clean = text.encode("utf-8", "replace").decode("utf-8")
        return list(self._tokenizer(clean, add_special_tokens=False, truncation=False, verbose=False)["input_ids"])

    @torch.inference_mode()
    def encode(
        self,
        texts: Mapping[str, int],
        *,
        skip: int = 1,
        emphasis: Emphasis = "original",
        vectors: Mapping[str, torch.Tensor] | None = None,
    ) -> dict[str, torch.Tensor]:
        """The conditioning of texts that belong together, as those of one prompt with editing do.

        Each is (1, 77 * n, width); n is the same for all of them, shorter ones end with empty chunks.
        texts   -- how often each is used: their mean is what the emphasis "original" keeps
        skip    -- from which layer: 1 is the last, 2 the one before …
        vectors -- trained words by name, (vectors, width)
        """
        vectors = vectors or {}
        words = [Word(name, tuple(self.tokens(name)), len(vector)) for name, vector in vectors.items()]
        pieces = [chunks(text, self.tokens, words=words, emphasis=emphasis) for text in texts]
        longest = max(len(piece) for piece in pieces)
        columns: list[torch.Tensor] = []
        for index in range(longest):
            column = [piece[index] if index < len(piece) else Chunk() for piece in pieces]
            states = self._states(column, skip, vectors)
            columns.append(weighted(states, column, list(texts.values()), emphasis))
        return {text: torch.cat([column[row : row + 1] for column in columns], 1) for row, text in enumerate(texts)}

    def _states(self, column: list[Chunk], skip: int, vectors: Mapping[str, torch.Tensor]) -> torch.Tensor:
        if len(column) > TOGETHER:
            groups = [column[start : start + TOGETHER] for start in range(0, len(column), TOGETHER)]
            return torch.cat([self._states(group, skip, vectors) for group in groups])
        rows = [[self._start, *c.tokens, *([self._end] * (CHUNK + 1 - len(c.tokens)))] for c in column]
        ids = torch.tensor(rows, device=self._model.device)
        with self._spoken(column, vectors):
            output = self._model(input_ids=ids, output_hidden_states=skip > 1)
        if skip == 1:
            return output.last_hidden_state
        layers = output.hidden_states
        return self._inner.final_layer_norm(layers[-min(skip, len(layers) - 1)])

    @contextmanager
    def _spoken(self, column: list[Chunk], vectors: Mapping[str, torch.Tensor]) -> Generator[None]:
        """While it lasts, the vectors of trained words stand in their places."""

        def put(module: Any, inputs: Any, output: torch.Tensor) -> torch.Tensor:
            changed = output.clone()
            for row, chunk in enumerate(column):
                for place, word in chunk.words:
                    vector = vectors[word.name][:CHUNK].to(output)
                    changed[row, place + 1 : place + 1 + len(vector)] = vector
            return changed

        if not any(chunk.words for chunk in column):
            yield
            return
        hook = self._inner.embeddings.token_embedding.register_forward_hook(put)
        try:
            yield
        finally:
            hook.remove()


def weighted(states: torch.Tensor, column: Sequence[Chunk], uses: Sequence[int], emphasis: Emphasis) -> torch.Tensor:
    """The encoder's output, (chunks, 77, width), with each token's vector times its weight.

    "original" then brings the mean over all of it back to what it was; `uses` says how often each chunk counts.
    """
    if emphasis in ("ignore", "none") or all(weight == 1 for chunk in column for weight in chunk.weights):
        return states
    rows = [[1.0, *chunk.weights, *([1.0] * (CHUNK + 1 - len(chunk.weights)))] for chunk in column]
    result = states * torch.tensor(rows, dtype=states.dtype, device=states.device)[..., None]
    if emphasis == "original":
        shares = torch.tensor(uses, dtype=states.dtype, device=states.device)
        before, after = ((value.mean((1, 2)) * shares).sum() for value in (states, result))
        if bool(after != 0):
            result = result * (before / after)
    return result


Encode = Callable[[Mapping[str, int]], dict[str, torch.Tensor]]
"""Texts and how often each is used -> conditioning of each."""
