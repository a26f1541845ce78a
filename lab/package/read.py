"""A package in use: verified first, then its config, tokenizer and model.

package = load_package("artifacts/posenc/rope-1-3f2a9c01")
package.generate("def main", max_new_tokens=40)
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from lab.config.adopted import AdoptedConfig
from lab.config.run import RunConfig
from lab.data.tokenizer import Tokenizer
from lab.decode.beam import beam_search
from lab.decode.generate import generate_batch, stream
from lab.decode.sampling import Sampling
from lab.decode.text import pieces, until
from lab.errors import ConfigError, DataError, PackageError
from lab.model.gpt import GPT
from lab.package.layout import CONFIG, MANIFEST, PROVENANCE, TOKENIZER, WEIGHTS
from lab.package.manifest import Manifest
from lab.package.precision import Dtype, converted
from lab.package.run_config import read_config
from lab.package.shown import one_line
from lab.package.verify import content, outline, verify
from lab.package.weights import check_memory, load_model


class Continuation(NamedTuple):
    """A text found by beam search, and its score, which `lab.decode.beam` defines."""

    text: str
    score: float


@dataclass(frozen=True)
class Package:
    """A trained model, in evaluation mode, with what belongs to it.

    `provenance` is all that is known of where its numbers come from: code, machine, environment.
    """

    folder: Path
    config: RunConfig | AdoptedConfig
    tokenizer: Tokenizer
    model: GPT
    manifest: Manifest
    provenance: Mapping[str, Any]

    def generate(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float = 1.0,
        stop: Sequence[str] = (),
        seed: int = 0,
    ) -> str:
        """The continuation of a prompt, without the prompt; the seed fixes it.

        It ends after `max_new_tokens`, where the model ends the document, or before the first
        `stop` string. The settings are those of `lab.decode.sampling`.
        """
        return "".join(
            self.stream(
                prompt,
                max_new_tokens=max_new_tokens,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                min_p=min_p,
                repetition_penalty=repetition_penalty,
                stop=stop,
                seed=seed,
            )
        )

    def stream(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float = 1.0,
        stop: Sequence[str] = (),
        seed: int = 0,
    ) -> Iterator[str]:
        """The text of `generate` in pieces, as soon as their characters are whole."""
        ids = stream(
            self.model,
            self._ids(prompt),
            max_new_tokens=max_new_tokens,
            sampling=Sampling(temperature, top_k, top_p, min_p, repetition_penalty),
            seed=seed,
            stop_ids=self._stop_ids,
        )
        return until(pieces(ids, decode=self.tokenizer.decode), stop)

    def generate_batch(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float = 1.0,
        stop: Sequence[str] = (),
        seed: int = 0,
    ) -> list[str]:
        """What `generate` says of each prompt, computed together: the first with `seed`, the next
        with `seed + 1`, and so on.
        """
        rows = generate_batch(
            self.model,
            [self._ids(prompt) for prompt in prompts],
            max_new_tokens=max_new_tokens,
            sampling=Sampling(temperature, top_k, top_p, min_p, repetition_penalty),
            seed=seed,
            stop_ids=self._stop_ids,
        )
        return [self._text(row.tolist(), stop) for row in rows]

    def beam_search(
        self,
        prompt: str,
        *,
        num_beams: int = 4,
        max_new_tokens: int = 100,
        length_penalty: float = 1.0,
        stop: Sequence[str] = (),
    ) -> list[Continuation]:
        """The `num_beams` best continuations that were found, the best first.

        See `lab.decode.beam`. A `stop` string ends a text, but not the search for it.
        """
        beams = beam_search(
            self.model,
            self._ids(prompt),
            num_beams=num_beams,
            max_new_tokens=max_new_tokens,
            length_penalty=length_penalty,
            stop_ids=self._stop_ids,
        )
        return [Continuation(self._text(beam.ids, stop), beam.score) for beam in beams]

    @property
    def _stop_ids(self) -> tuple[int, ...]:
        eos = self.tokenizer.eos_id
        return () if eos is None else (eos,)

    def _ids(self, prompt: str) -> Int[Tensor, " t"]:
        return torch.tensor(self.tokenizer.encode_prompt(prompt), dtype=torch.int64)

    def _text(self, ids: Sequence[int], stop: Sequence[str]) -> str:
        return "".join(until(pieces(ids, decode=self.tokenizer.decode), stop))


def load_package(
    folder: str | Path, *, device: str | torch.device = "cpu", dtype: Dtype = "float32"
) -> Package:
    """Verify a package and load it; needs no network and no particular working directory.

    `dtype` is the precision it computes in; int8 keeps the weights of projections in a byte each.
    Raises `PackageError` when anything in it is missing, added, changed, or does not fit the
    rest, and `ConfigError` for a device that this machine does not have, or a dtype.
    """
    folder = Path(folder)
    check_memory(folder, outline(folder).n_params)
    manifest = verify(folder)
    config = read_config(content(folder, CONFIG, manifest), path=folder / CONFIG)
    tokenizer = _tokenizer(folder / TOKENIZER, content(folder, TOKENIZER, manifest), config)
    provenance = _provenance(folder, manifest)
    _agree(folder, manifest, config, tokenizer)
    weights, sha256 = folder / WEIGHTS, manifest.files[WEIGHTS].sha256
    model = load_model(weights, config.model, tokenizer.vocab_size, sha256=sha256)
    model = converted(model, dtype)
    try:
        model.to(device)
    except (RuntimeError, AssertionError, TypeError) as error:
        # torch asserts that CUDA was compiled in, and a Mac's GPU has no float64
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"device {str(device)!r} cannot be used ({reason}); try cpu") from None
    return Package(folder, config, tokenizer, model, manifest, provenance)


def _tokenizer(path: Path, raw: bytes, config: RunConfig | AdoptedConfig) -> Tokenizer:
    special = config.tokenizer.dump() if isinstance(config, AdoptedConfig) else {}
    try:
        return Tokenizer.from_json(raw.decode(), **special)
    except (DataError, UnicodeDecodeError) as error:
        reason = one_line(str(error))
        raise PackageError(f"{path} cannot be used ({reason}): package the run again") from None


def _provenance(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """What `provenance.json` says, or, in a package without one, the manifest."""
    if PROVENANCE not in manifest.files:
        return manifest.provenance.dump()
    try:
        found = json.loads(content(folder, PROVENANCE, manifest).decode())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise PackageError(f"{folder / PROVENANCE} is no table of facts: package the run again")
    return found


def _agree(
    folder: Path, manifest: Manifest, config: RunConfig | AdoptedConfig, tokenizer: Tokenizer
) -> None:
    size, file = tokenizer.vocab_size, manifest.files[TOKENIZER]
    facts = {
        f"seed of {CONFIG}": (config.seed, manifest.seed),
        f"vocabulary size of {TOKENIZER}": (size, manifest.vocab_size),
        f"digest of {TOKENIZER}": (file.sha256, manifest.data.tokenizer_digest),
        f"parameter count of {CONFIG}": (config.model.n_params(size), manifest.n_params),
    }
    for name, (found, stated) in facts.items():
        if found != stated:
            raise PackageError(
                f"{folder}: the {name} is {found}, but {MANIFEST} states {stated}: "
                "the files are not of one run; package the run again"
            )
