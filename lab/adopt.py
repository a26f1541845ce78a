"""`lab adopt FOLDER --to PACKAGE`: a local GPT-2 or Llama of transformers becomes a package."""

from pathlib import Path

from lab.errors import PackageError


def adopt(folder: str | Path, *, to: str | Path) -> str:
    """Write the package; returns a sentence that says what it holds."""
    from lab.package.huggingface.adopt import adopt_folder  # torch takes seconds

    try:
        manifest = adopt_folder(folder, to=to)
    except OSError as error:
        raise PackageError(f"{to} cannot be written: {error.strerror}") from None
    return (
        f"{to} holds {manifest.run}: {manifest.n_params:,} parameters, a vocabulary of "
        f"{manifest.vocab_size:,}"
    )


if __name__ == "__main__":
    from lab.entry import entry

    entry("adopt")
