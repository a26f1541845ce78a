"""`lab sample PACKAGE PROMPT ...`: write as a trained model does, while it does.

One prompt is continued as the model writes; several are computed together and written one after the
other, in their order, which is also the order of their seeds.
"""

import io
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from lab.errors import ConfigError

STDIN = "-"
TEMPERATURE = 0.8  # where none is given


def sample(
    package: str | Path,
    *,
    prompts: Sequence[str],
    max_new_tokens: int,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
    beams: int | None = None,
    length_penalty: float | None = None,
    stop: Sequence[str] = (),
    seed: int = 0,
    device: str = "cpu",
    dtype: str = "float32",
    stream_to: TextIO,
) -> list[str]:
    """Write each prompt with its continuation, and a line's end; return these texts.

    With `beams` the continuation is the best one of a search, and nothing may say how to draw.
    Nothing is written when the package or a setting is refused.
    """
    drawing = {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "repetition_penalty": repetition_penalty,
    }
    drawing = {name: value for name, value in drawing.items() if value is not None}
    _check_together(drawing, beams=beams, length_penalty=length_penalty)
    from lab.package.read import load_package  # torch takes seconds, and a refusal needs none

    loaded = load_package(package, device=device, dtype=cast(Any, dtype))  # which checks it
    common: dict[str, Any] = {"max_new_tokens": max_new_tokens, "stop": stop}
    drawn: dict[str, Any] = {"temperature": TEMPERATURE, **drawing, "seed": seed, **common}
    if beams is not None:
        penalty = 1.0 if length_penalty is None else length_penalty
        searched = {"num_beams": beams, "length_penalty": penalty, **common}
        found = [[loaded.beam_search(prompt, **searched)[0].text] for prompt in prompts]
        return _write(prompts, found, stream_to)
    if len(prompts) == 1:
        return _write(prompts, [loaded.stream(prompts[0], **drawn)], stream_to)
    return _write(prompts, [[text] for text in loaded.generate_batch(prompts, **drawn)], stream_to)


def prompts_asked(given: Sequence[str], *, file: str | None, stdin: TextIO | None) -> list[str]:
    """The prompts given as arguments, then those of a file, one a line.

    An argument `-` is all of standard input, without its last line end; so is a pipe where nothing
    else is given. A file `-` is standard input, one prompt a line.
    """
    if stdin is None:  # closed by whoever started this
        stdin = io.StringIO()
    if not given and file is None and not stdin.isatty():
        given = [STDIN]
    prompts = [
        _decoded(_bytes(stdin), "standard input").removesuffix("\n").removesuffix("\r")
        if prompt == STDIN
        else prompt
        for prompt in given
    ]
    if given == [STDIN] and prompts == [""]:
        prompts = []
    if file is not None:
        prompts += [line for line in _read(file, stdin).splitlines() if line.strip()]
    if not prompts:
        raise ConfigError(
            "there is no prompt to continue; give one as an argument, in a --file or in a pipe"
        )
    return prompts


def _check_together(
    drawing: dict[str, float | None], *, beams: int | None, length_penalty: float | None
) -> None:
    if beams is None and length_penalty is not None:
        raise ConfigError("--length-penalty belongs to a search; give --beams as well")
    needless = [name for name, value in drawing.items() if (name, value) != ("temperature", 0)]
    if beams is not None and needless:
        option = "--" + needless[0].replace("_", "-")
        raise ConfigError(f"{option} says how to draw, and --beams draws nothing; drop one of them")


def _read(file: str, stdin: TextIO) -> str:
    if file == STDIN:
        return _decoded(_bytes(stdin), "standard input")
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the prompts of {file} cannot be read ({error.strerror}); name a text file with a "
            "prompt a line"
        ) from None
    return _decoded(content, file)


def _bytes(stdin: TextIO) -> bytes:
    binary: BinaryIO | None = getattr(stdin, "buffer", None)
    return stdin.read().encode() if binary is None else binary.read()


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not UTF-8 text; convert it first") from None


def _write(
    prompts: Sequence[str], continuations: Sequence[Iterable[str]], stream_to: TextIO
) -> list[str]:
    texts = []
    for number, (prompt, pieces) in enumerate(zip(prompts, continuations, strict=True), start=1):
        if len(prompts) > 1:
            _put(f"==> {number} of {len(prompts)} <==\n", stream_to)
        text = ""
        for piece in itertools.chain([prompt], pieces):
            text += piece
            _put(piece, stream_to)
        _put("\n" if number == len(prompts) else "\n\n", stream_to)
        texts.append(text)
    return texts


def _put(text: str, stream_to: TextIO) -> None:
    """As well as the stream's encoding can."""
    encoding = stream_to.encoding or "utf-8"
    stream_to.write(text.encode(encoding, "replace").decode(encoding))
    stream_to.flush()


if __name__ == "__main__":
    from lab.entry import entry

    entry("sample")
