"""`lab export PACKAGE --to FOLDER`: a folder that Hugging Face's transformers loads."""

from pathlib import Path

from lab.errors import PackageError


def export(package: str | Path, *, to: str | Path) -> str:
    """Write the folder; returns a sentence that says what it holds."""
    from lab.package.huggingface.export import export_package  # torch takes seconds

    try:
        stock = export_package(package, to=to)
    except OSError as error:
        raise PackageError(f"{to} cannot be written: {error.strerror}") from None
    return (
        f"{to} holds {stock.label} ({stock.class_name}): AutoModelForCausalLM and AutoTokenizer "
        "of transformers load it"
    )


if __name__ == "__main__":
    from lab.entry import entry

    entry("export")
