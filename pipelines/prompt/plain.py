"""Plain text: a prompt for text models that know no weights."""

from pipelines.prompt.composition import compose
from pipelines.prompt.editing import schedule
from pipelines.prompt.tags import networks, uncommented
from pipelines.prompt.weights import attention


def plain(prompt: str) -> str:
    """The words of a prompt without brackets, weights, tags and comments. Of texts that change on the way, the first;
    parts that were joined by AND follow one another."""
    words, _ = networks(uncommented(prompt))
    parts = [schedule(text, 1)[0][1] for text, _ in compose(words)]
    texts = ["".join(" " if piece == "BREAK" else piece for piece, _ in attention(part)) for part in parts]
    return " ".join(" ".join(text.split()) for text in texts).strip()
