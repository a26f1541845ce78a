"""`lab sample PACKAGE --prompt TEXT`: write as a trained model does, while it does."""

import sys
from pathlib import Path
from typing import TextIO


def sample(
    package: str | Path,
    *,
    prompt: str,
    max_new_tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
    seed: int,
    stream_to: TextIO,
) -> str:
    """Write the prompt and its continuation, piece by piece, and a line's end; return the text.

    Nothing is written when the package or a setting is refused.
    """
    from lab.package.read import load_package  # torch takes seconds, and --help needs none

    continuation = load_package(package).stream(
        prompt,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        seed=seed,
    )
    text = prompt
    _write(prompt, stream_to)
    for piece in continuation:
        text += piece
        _write(piece, stream_to)
    _write("\n", stream_to)
    return text


def _write(text: str, stream_to: TextIO) -> None:
    """As well as the stream's encoding can."""
    encoding = stream_to.encoding or "utf-8"
    stream_to.write(text.encode(encoding, "replace").decode(encoding))
    stream_to.flush()


if __name__ == "__main__":
    from lab.cli import main

    sys.exit(main(["sample", *sys.argv[1:]]))
