"""A package in use: verified first, then its config, tokenizer and model.

package = load_package("artifacts/posenc/rope-1-3f2a9c01")
package.generate("def main", max_new_tokens=40)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from lab.config.run import RunConfig
from lab.data.tokenizer import Tokenizer
from lab.decode.generate import stream
from lab.decode.sampling import Sampling
from lab.decode.text import pieces
from lab.errors import ConfigError, DataError, PackageError
from lab.model.gpt import GPT
from lab.package.layout import CONFIG, MANIFEST, TOKENIZER, WEIGHTS
from lab.package.manifest import Manifest
from lab.package.run_config import read_config
from lab.package.verify import verify
from lab.package.weights import load_model


@dataclass(frozen=True)
class Package:
    """A trained model, in evaluation mode, with what belongs to it."""

    folder: Path
    config: RunConfig
    tokenizer: Tokenizer
    model: GPT
    manifest: Manifest

    def generate(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        seed: int = 0,
    ) -> str:
        """The continuation of a prompt, without the prompt; the seed fixes it.

        It ends after `max_new_tokens`, or where the model ends the document.
        """
        return "".join(
            self.stream(
                prompt,
                max_new_tokens=max_new_tokens,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                min_p=min_p,
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
        seed: int = 0,
    ) -> Iterator[str]:
        """The text of `generate` in pieces, as soon as their characters are whole."""
        ids = stream(
            self.model,
            torch.tensor(self.tokenizer.encode_prompt(prompt), dtype=torch.int64),
            max_new_tokens=max_new_tokens,
            sampling=Sampling(temperature, top_k, top_p, min_p),
            seed=seed,
            stop_id=self.tokenizer.eos_id,
        )
        return pieces(ids, decode=self.tokenizer.decode)


def load_package(folder: str | Path, *, device: str | torch.device = "cpu") -> Package:
    """Verify a package and load it; needs no network and no particular working directory.

    Raises `PackageError` when anything in it is missing, added, changed, or does not fit the
    rest, and `ConfigError` for a device that this machine does not have.
    """
    folder = Path(folder)
    manifest = verify(folder)
    config = read_config(folder / CONFIG)
    tokenizer = _tokenizer(folder / TOKENIZER)
    _agree(folder, manifest, config, tokenizer)
    model = load_model(folder / WEIGHTS, config.model, tokenizer.vocab_size)
    try:
        model.to(device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that CUDA was compiled in
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"device {str(device)!r} cannot be used ({reason}); try cpu") from None
    return Package(folder, config, tokenizer, model, manifest)


def _tokenizer(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_json(path.read_bytes().decode())
    except (DataError, UnicodeDecodeError) as error:
        raise PackageError(f"{path} cannot be used ({error}): package the run again") from None


def _agree(folder: Path, manifest: Manifest, config: RunConfig, tokenizer: Tokenizer) -> None:
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
