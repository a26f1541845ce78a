"""The table of sizes, in wide and narrow terminals."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from lab.config.loading import load_size
from lab.config.reading import names
from lab.sizes import HEADINGS, _short, sizes_asked


def printed(*wanted: str, width: int, batch: int = 1, vocab_size: int | None = None) -> str:
    out = io.StringIO()
    asked = sizes_asked(wanted, vocab_size=vocab_size, batch=batch, overrides=())
    Console(file=out, width=width).print(asked)
    return out.getvalue()


def test_all_sizes_in_the_order_of_their_parameters() -> None:
    text = printed(width=200)
    found = [words[0] for line in text.splitlines() if (words := line.split())]
    listed = [name for name in found if name in names(below=("sizes",))]
    counts = [load_size(n).model.n_params(load_size(n).vocab_size) for n in listed]
    assert sorted(listed) == names(below=("sizes",))
    assert counts == sorted(counts)
    assert all(f"{count:,}" in text for count in counts)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_nothing_is_cut_off_however_narrow(width: int) -> None:
    text = printed("gpt2-xl", "tiny", width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for word in ("1,557,611,200", "30.8GB", "3.42G", *" ".join(HEADINGS).split()):
        assert word in text
    assert "GPT-2 XL (Radford et al. 2019)." in " ".join(text.split())
    assert (text.count("gpt2-xl") == 2) == (width == 200)  # in one table, and with its source


def test_the_numbers_of_a_row() -> None:
    row = next(x for x in printed("gpt2-small", width=200).splitlines() if "gpt2-small" in x)
    assert row.split() == [
        "gpt2-small", "12", "12", "768", "1024", "50257", "124,439,808", "32%",
        "285M",
        "854M", "3.43GB", "573MB", "73.7kB",
    ]  # fmt: skip


def test_a_larger_batch_and_another_vocabulary() -> None:
    text = printed("posenc.yaml", width=200, batch=4, vocab_size=300)
    assert "4 windows" in text
    assert "posenc.yaml: Which position encoding" in text
    assert f"{load_size('posenc.yaml', vocab_size=300).model.n_params(300):,}" in text


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (999, "999"), (1000, "1.00k"), (99_949, "99.9k"), (99_950, "100k"),
     (999_499, "999k"), (999_500, "1.00M"), (124_439_808, "124M"), (10**19, "10.0E")],
)  # fmt: skip
def test_three_digits(number: int, shown: str) -> None:
    assert _short(number) == shown


def test_the_command_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from lab.cli import main; code = main(['sizes']); "
        "sys.exit(code or ' '.join({'torch', 'pandas', 'scipy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "124,439,808" in done.stdout
