"""The tokenizer of a transformers folder, as one of the lab's.

Design choices:
- byte-level BPE keeps its tokenizer.json as it is; anything that would change a text is refused;
- what stands before a prompt is what the post-processor of tokenizer.json puts there, as with
  `AutoTokenizer`, which goes by it alone where there is one;
- a text ends with the folder's `eos_token_id`; of several, with the one that the tokenizer calls
  its end;
- a model whose vocabulary is larger than its tokenizer's, padded to a round number as a rule, gets
  tokens of no meaning to fill it, so that its logits stay as they are.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tokenizers

from lab.config.adopted import SpecialTokens
from lab.data.tokenizer import Tokenizer
from lab.data.vocabulary.panics import brief, panics_refused
from lab.errors import DataError, PackageError
from lab.package.huggingface.files import content_of, table_of
from lab.package.shown import one_line

NAME = "tokenizer.json"
MAX_IDLE = 2**16  # tokens of no meaning


def read_tokenizer(folder: Path, config: Mapping[str, Any]) -> tuple[Tokenizer, SpecialTokens]:
    """`config` is the folder's config.json. Raises `PackageError` for what the lab cannot keep."""
    path = folder / NAME
    content = content_of(path)
    if content is None:
        raise PackageError(
            f"{folder} holds no {NAME}; load the tokenizer with AutoTokenizer and save it there "
            "with save_pretrained"
        )
    settings = _settings(folder / "tokenizer_config.json")
    try:
        with panics_refused():
            return _adopted(folder, content.decode(), settings, config)
    except (DataError, UnicodeDecodeError) as error:
        raise PackageError(f"{path} cannot be adopted: {one_line(str(error))}") from None


def _adopted(
    folder: Path, content: str, settings: Mapping[str, Any], config: Mapping[str, Any]
) -> tuple[Tokenizer, SpecialTokens]:
    path = folder / NAME
    try:
        backend = tokenizers.Tokenizer.from_str(content)
    except Exception as error:  # the library raises nothing more particular
        raise PackageError(f"{path} is not a tokenizer of Hugging Face: {brief(error)}") from None
    backend.no_padding()  # to as many tokens as a file pleases
    backend.no_truncation()
    if settings.get("add_prefix_space"):
        raise PackageError(
            f"{folder}/tokenizer_config.json: add_prefix_space=true would change the text, so this "
            "tokenizer cannot be adopted"
        )
    special = SpecialTokens(bos=_before(path, backend), eos=_end(folder, backend, settings, config))
    _fill(path, backend, config.get("vocab_size"))
    return Tokenizer(backend, bos=special.bos, eos=special.eos), special


def _before(path: Path, backend: tokenizers.Tokenizer) -> str | None:
    """The token that stands before every text."""
    around = backend.encode("").tokens
    if not around:
        return None
    if len(around) > 1 or backend.encode("a").tokens[0] != around[0]:
        raise PackageError(
            f"{path} puts {one_line(' '.join(around))} around every text, and the lab puts one "
            "token before it, or none: change its post_processor"
        )
    return str(around[0])


def _end(
    folder: Path,
    backend: tokenizers.Tokenizer,
    settings: Mapping[str, Any],
    config: Mapping[str, Any],
) -> str | None:
    generation = _settings(folder / "generation_config.json")
    said = generation.get("eos_token_id", config.get("eos_token_id"))
    ids = said if isinstance(said, list) else [said]
    names = [backend.id_to_token(n) for n in ids if isinstance(n, int)]
    preferred = _name(settings.get("eos_token"))
    if preferred in names or (said is None and "eos_token_id" not in {**config, **generation}):
        return preferred
    known = [name for name in names if name is not None]
    return known[0] if known else None


def _fill(path: Path, backend: tokenizers.Tokenizer, vocab_size: Any) -> None:
    size = backend.get_vocab_size(with_added_tokens=True)
    if isinstance(vocab_size, int) and vocab_size > size + MAX_IDLE:
        raise PackageError(
            f"{path} has {size} tokens, and the model's vocab_size is {vocab_size}: more than "
            f"{MAX_IDLE} tokens that mean nothing are not filled in"
        )
    if not isinstance(vocab_size, int) or vocab_size < size:
        raise PackageError(
            f"{path} has {size} tokens, and the model's vocab_size is {vocab_size!r}: the two do "
            "not belong together"
        )
    idle = [f"<|unused-{number}|>" for number in range(size, vocab_size)]
    backend.add_special_tokens(idle)
    if backend.get_vocab_size(with_added_tokens=True) != vocab_size:
        raise PackageError(f"{path} has a token of the name {idle[0]} already; rename it")


def _name(token: Any) -> str | None:
    """A token is written as its name, or as its name with properties."""
    found = token.get("content") if isinstance(token, Mapping) else token
    return found if isinstance(found, str) else None


def _settings(path: Path) -> dict[str, Any]:
    return table_of(path) or {}
