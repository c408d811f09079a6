"""Encoder: CLIP's text model, from the pieces of a prompt to what the U-Net listens to."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from pipelines.prompt.pieces import CHUNK, Chunk, Word, chunks
from pipelines.recipe import Emphasis

TOGETHER = 16
"""Chunks in one call of the model."""


class Condition(NamedTuple):
    """What the network is told by a text.

    tokens -- (1, tokens, width); pooled: (1, width), the text as a whole; ids: (1, numbers), what else the network is
    told, as the sizes of SDXL. None where a family has none. residuals: what control networks add to the network's
    levels, the middle's last; empty without any.
    """

    tokens: torch.Tensor
    pooled: torch.Tensor | None = None
    ids: torch.Tensor | None = None
    residuals: tuple[torch.Tensor, ...] = ()

    def to(self, device: str, dtype: torch.dtype) -> "Condition":
        pooled, ids = (value if value is None else value.to(device, dtype) for value in (self.pooled, self.ids))
        return Condition(self.tokens.to(device, dtype), pooled, ids)

    def nothing(self) -> "Condition":
        """As if no text had been read."""
        pooled = None if self.pooled is None else torch.zeros_like(self.pooled)
        return Condition(torch.zeros_like(self.tokens), pooled, self.ids)


Vectors = Mapping[str, torch.Tensor]
"""Trained words by name, (vectors, width)."""


@dataclass(frozen=True)
class Reading:
    """How a family reads its text model.

    skip   -- the layer: 1 is the last, 2 the one before; None: as the recipe's clip skip says
    normed -- whether the last normalisation follows, also behind an earlier layer
    pad    -- the token behind the end; None: the end itself, repeated
    pooled -- whether the text as a whole is asked for as well
    """

    skip: int | None = None
    normed: bool = True
    pad: int | None = None
    pooled: bool = False


class ClipText:
    """CLIP's vocabulary and text model, encoding prompts of any length chunk by chunk."""

    def __init__(self, tokenizer: Any, model: Any, reading: Reading | None = None) -> None:
        """tokenizer: a transformers CLIPTokenizer; model: a CLIPTextModel, or one with projection if it is pooled."""
        self._tokenizer = tokenizer
        self._model = model
        self._reading = reading or Reading()
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
        vectors: Vectors | None = None,
    ) -> dict[str, Condition]:
        """The conditioning of texts that belong together, as those of one prompt with editing do.

        Each has 77 * n tokens; n is the same for all of them, shorter ones end with empty chunks. The text as a whole
        is what its first chunk says.
        texts   -- how often each is used: their mean is what the emphasis "original" keeps
        skip    -- from which layer: 1 is the last, 2 the one before …
        vectors -- trained words by name, (vectors, width)
        """
        vectors = vectors or {}
        words = [Word(name, tuple(self.tokens(name)), len(vector)) for name, vector in vectors.items()]
        pieces = [chunks(text, self.tokens, words=words, emphasis=emphasis) for text in texts]
        longest = max(len(piece) for piece in pieces)
        layer = skip if self._reading.skip is None else self._reading.skip
        columns: list[torch.Tensor] = []
        pooled: torch.Tensor | None = None
        for index in range(longest):
            column = [piece[index] if index < len(piece) else Chunk() for piece in pieces]
            groups = [column[start : start + TOGETHER] for start in range(0, len(column), TOGETHER)]
            said = [self._states(group, layer, vectors) for group in groups]
            states = torch.cat([state for state, _ in said])
            if index == 0 and self._reading.pooled:
                pooled = torch.cat([whole for _, whole in said if whole is not None])
            columns.append(weighted(states, column, list(texts.values()), emphasis))
        return {
            text: Condition(
                torch.cat([column[row : row + 1] for column in columns], 1),
                None if pooled is None else pooled[row : row + 1],
            )
            for row, text in enumerate(texts)
        }

    def _states(self, column: list[Chunk], skip: int, vectors: Vectors) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(chunks, 77, width), and (chunks, width) where the text as a whole is asked for."""
        pad = self._end if self._reading.pad is None else self._reading.pad
        rows = [[self._start, *c.tokens, self._end, *([pad] * (CHUNK - len(c.tokens)))] for c in column]
        ids = torch.tensor(rows, device=self._model.device)
        with self._spoken(column, vectors):
            output = self._model(input_ids=ids, output_hidden_states=skip > 1)
        pooled = output.text_embeds if self._reading.pooled else None
        if skip == 1:
            return output.last_hidden_state, pooled
        layers = output.hidden_states
        states = layers[-min(skip, len(layers) - 1)]
        return (self._inner.final_layer_norm(states) if self._reading.normed else states), pooled

    @contextmanager
    def _spoken(self, column: list[Chunk], vectors: Vectors) -> Generator[None]:
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


class JointText:
    """One or several text models that read the same prompt: their vectors stand side by side, token by token."""

    def __init__(self, *parts: ClipText) -> None:
        """The text as a whole is that of the last part."""
        self.parts = parts

    def spoken(self, texts: Iterable[str], vectors: Sequence[Vectors], emphasis: Emphasis) -> tuple[str, ...]:
        """The trained words that stand in the texts, by name. vectors: for each part."""
        known = set.intersection(*(set(words) for words in vectors)) if vectors else set[str]()
        if not known:
            return ()
        tokens = self.parts[0].tokens
        words = [Word(name, tuple(tokens(name)), len(vectors[0][name])) for name in sorted(known)]
        found = (
            word.name
            for text in texts
            for chunk in chunks(text, tokens, words=words, emphasis=emphasis)
            for _, word in chunk.words
        )
        return tuple(dict.fromkeys(found))

    def encode(
        self,
        texts: Mapping[str, int],
        *,
        skip: int = 1,
        emphasis: Emphasis = "original",
        vectors: Sequence[Vectors] = (),
    ) -> dict[str, Condition]:
        """As ClipText.encode. vectors: for each part; a word that one of them lacks is left to the vocabulary."""
        known = set.intersection(*(set(words) for words in vectors)) if vectors else set[str]()
        said = [
            part.encode(
                texts,
                skip=skip,
                emphasis=emphasis,
                vectors={name: words[name] for name in words if name in known},
            )
            for part, words in zip(self.parts, vectors or [{}] * len(self.parts), strict=True)
        ]
        return {
            text: Condition(torch.cat([one[text].tokens for one in said], -1), said[-1][text].pooled) for text in texts
        }


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


Encode = Callable[[Mapping[str, int]], dict[str, Condition]]
"""Texts and how often each is used -> conditioning of each."""
