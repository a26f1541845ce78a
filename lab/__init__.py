"""An experiment lab for small GPT-style language models.

Two names are public; both are loaded on first use, because one of them needs torch:

    load_package(folder)   a trained model with its tokenizer, config and manifest
    open_sweep(folder)     the runs and verdicts of a finished sweep
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.package.read import Package, load_package
    from lab.report.collect import Sweep, open_sweep

__all__ = ["Package", "Sweep", "load_package", "open_sweep"]


def __getattr__(name: str) -> Any:
    match name:
        case "load_package" | "Package":
            from lab.package import read

            return getattr(read, name)
        case "open_sweep" | "Sweep":
            from lab.report import collect

            return getattr(collect, name)
        case _:
            raise AttributeError(f"module 'lab' has no attribute {name!r}")
