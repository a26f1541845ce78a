"""`lab sizes`: what models of a size have and need, as a table. All of it is arithmetic."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from lab.config.loading import load_size
from lab.config.memory import cache_bytes_per_token, inference_bytes, training_bytes
from lab.config.reading import SIZES, names
from lab.config.sizes import Size

HEADINGS = (
    "layers", "heads", "width", "length", "vocab", "parameters", "embedding share",
    "forward FLOPs", "training FLOPs", "to train", "to write", "cache a token",
)  # fmt: skip


def sizes_asked(
    wanted: Sequence[str],
    *,
    vocab_size: int | None,
    batch: int,
    overrides: Sequence[str],
) -> "Sizes":
    """Those wanted, or all that have a name; raises `ConfigError`."""
    found = {
        name: load_size(name, overrides=overrides, vocab_size=vocab_size)
        for name in wanted or names(below=(SIZES,))
    }
    return Sizes(found, batch=batch, with_sources=bool(wanted))


class Sizes:
    """A row a size, by number of parameters; in a narrow terminal, several tables of fewer columns.

    Below it stands what the columns mean, and on request what each size is.
    """

    def __init__(self, sizes: Mapping[str, Size], *, batch: int, with_sources: bool) -> None:
        ordered = sorted(sizes.items(), key=lambda item: item[1].model.n_params(item[1].vocab_size))
        self.sizes, self.batch, self.with_sources = dict(ordered), batch, with_sources

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = {name: _row(size, self.batch) for name, size in self.sizes.items()}
        columns: list[int] = []
        for n in range(len(HEADINGS)):
            if columns and _width(console, _table([*columns, n], rows)) > options.max_width:
                yield _table(columns, rows)
                columns = []
            columns.append(n)
        yield _table(columns, rows)
        yield Text(_footer(self.batch))
        if self.with_sources:
            yield Group(*(Text(f"\n{name}: {size.about}") for name, size in self.sizes.items()))


def _table(columns: Sequence[int], rows: Mapping[str, Sequence[str]]) -> Table:
    """Only some of the columns."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("size", vertical="bottom", no_wrap=True)
    for n in columns:
        heading = HEADINGS[n].replace(" ", "\n", 1)
        table.add_column(heading, justify="right", vertical="bottom", no_wrap=True)
    for name, row in rows.items():
        table.add_row(name, *(row[n] for n in columns))
    return table


def _width(console: Console, table: Table) -> int:
    wide = console.options.update(width=10_000)
    return Measurement.get(console, wide, table).maximum


def _row(size: Size, batch: int) -> list[str]:
    model, vocab = size.model, size.vocab_size
    n_params = model.n_params(vocab)
    return [
        f"{model.n_layers}",
        f"{model.n_heads}",
        f"{model.d_model}",
        f"{model.max_seq_len}",
        f"{vocab}",
        f"{n_params:,}",
        f"{model.n_params_embedding(vocab) / n_params:.0%}",
        _short(model.forward_flops_per_token(vocab)),
        _short(model.flops_per_token(vocab)),
        f"{_short(training_bytes(model, vocab, batch=batch))}B",
        f"{_short(inference_bytes(model, vocab, batch=batch))}B",
        f"{_short(cache_bytes_per_token(model))}B",
    ]


def _short(number: int) -> str:
    """Three digits and a unit: 124M."""
    if number < 1000:
        return str(number)
    value, units = float(number), iter(["", "k", "M", "G", "T", "P", "E"])
    unit = next(units)
    while round(value) >= 1000:
        value, unit = value / 1000, next(units)
    return f"{value:#.3g}".rstrip(".") + unit if value < 99.95 else f"{value:.0f}{unit}"


def _footer(batch: int) -> str:
    windows = "1 window" if batch == 1 else f"{batch} windows"
    texts = "1 text" if batch == 1 else f"{batch} texts"
    return (
        "FLOPs are those of matrix products for one token of a full window; training is three "
        f"times the forward pass. To train: float32, AdamW, {windows} of full length at once; "
        f"weights, gradients, two moments, activations, loss. To write: float32, {texts} of full "
        "length; weights and a full cache, to which each token adds what stands last. G is 10^9."
    )


if __name__ == "__main__":
    from lab.entry import entry

    entry("sizes")
