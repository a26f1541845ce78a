"""Every section measures something, of models and texts of almost no size."""

import math
from collections.abc import Callable

import pytest

from lab.bench.measuring import Bench
from lab.bench.peers import INSTALL
from lab.bench.record import Row
from lab.bench.run import measure
from lab.bench.sections import SECTIONS, Name, section, start_up, tokenizer
from lab.bench.sections import report as report_section
from lab.bench.shapes import EXACT, LLAMA, TANH
from lab.bench.spread import Spread

OF_MODELS = ("attention", "block", "forward", "step", "evaluation", "generation")
HUGGING, PLAIN = "transformers", "plain PyTorch"
No = Callable[..., object]


def rows(name: Name, bench: Bench) -> list[Row]:
    return list(section(name).rows(bench))


def is_sound(row: Row) -> bool:
    spreads = [row.ours, *row.peers.values(), *row.ratios.values(), row.share]
    numbers = [n for s in spreads if isinstance(s, Spread) for n in (s.lower, s.median, s.upper)]
    return (
        row.ours is not None
        and row.rounds > 0
        and list(row.peers) == list(row.ratios)
        and all(math.isfinite(n) and n > 0 for n in numbers)
    )


@pytest.mark.parametrize("name", OF_MODELS)
def test_models_beside_their_peers(name: Name, bench: Bench) -> None:
    found = [row for row in rows(name, bench) if row.note is None]
    assert found
    assert all(map(is_sound, found))
    assert len({row.name for row in found}) == len(found)
    assert {kind for kind in (TANH, LLAMA) if any(f", {kind}" in row.name for row in found)} == {
        TANH,
        LLAMA,
    }
    for row in found:
        with_hand = LLAMA not in row.name and name != "generation"
        assert list(row.peers) == [HUGGING, *[PLAIN] * with_hand]
        assert row.of == "tokens"
        assert (row.share is None) is (name == "generation")


def test_steps_are_of_both_activations(bench: Bench) -> None:
    found = {row.name for row in rows("step", bench)}
    assert {f"tiny, {kind}, fp32" for kind in (TANH, EXACT, LLAMA)} < found


@pytest.mark.parametrize("name", ["matmul", "step"])
def test_bf16_that_would_be_emulated_is_not_measured(
    name: Name, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.bench.measuring.hardware", lambda: {"instructions": []})
    told = [row for row in rows(name, bench) if "bf16" in row.name]
    assert [row.ours for row in told] == [None]
    assert "this processor has no instructions for bf16" in str(told[0].note)


def test_bf16_is_measured_beside_fp32_and_autocast(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"instructions": ["avx512_bf16"]}
    monkeypatch.setattr("lab.bench.measuring.hardware", lambda: found)
    told = [row for row in rows("step", bench) if "bf16" in row.name]
    assert all(map(is_sound, told))
    assert list(told[0].peers) == [
        f"{peer} in {precision}" for precision in ("fp32", "bf16") for peer in (HUGGING, PLAIN)
    ]


def test_matrix_products(bench: Bench) -> None:
    square, layer, *_ = rows("matmul", bench)
    assert is_sound(square)
    assert square.amount == bench.product_flops == 2 * 16**3
    assert is_sound(layer)
    assert layer.flops == 2 * (2 * 16) * 16 * 64  # tokens by d_model by 4 d_model


def test_the_tokenizers_peers(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "SIZES", {True: 20_000})
    found = rows("tokenizer", bench)
    assert all(map(is_sound, found))
    assert [list(row.peers) for row in found] == [["tokenizers", "tiktoken"]] * 2


def test_other_ids_than_ours_are_no_comparison() -> None:
    sides = {"ours": lambda text: [1], "theirs": lambda text: [2]}
    with pytest.raises(AssertionError, match="theirs gives other ids"):
        tokenizer._check(sides, "text")


def test_start_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        start_up, "COMMANDS", {name: start_up.COMMANDS[name] for name in ("lab --help",)}
    )
    (row,) = rows("start-up", bench)
    assert is_sound(row)
    assert list(row.peers) == ["python, nothing"]


def test_a_command_that_fails_is_no_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_up, "COMMANDS", {"lab --help": ("-m", "lab", "nothing")})
    with pytest.raises(Exception, match="exit status 2"):
        rows("start-up", bench)


def test_the_supervisor(bench: Bench) -> None:
    found = rows("supervisor", bench)
    assert len(found) == 3
    assert all(map(is_sound, found))
    assert all("a run of 100," in row.name for row in found)


def test_the_report(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    cost = {"seconds": 2.0, "memory": 1e8, "page": 5e5}
    monkeypatch.setattr(report_section, "measured", lambda folder: cost)
    (row,) = rows("report", bench)
    assert is_sound(row)
    assert row.name == "90 runs"
    assert row.rate == 45
    assert row.values == {"memory, bytes": 1e8, "page, bytes": 5e5}


def test_a_cohort_beside_a_run_alone(bench: Bench) -> None:
    found = rows("cohort", bench)
    assert [row.name for row in found] == ["tiny, 1 member, fp32", "tiny, 4 members, fp32"]
    for row in found:
        assert is_sound(row)
        assert list(row.peers) == ["alone, eager"]
        assert row.values["loss"] == pytest.approx(row.values["loss alone"], rel=1e-5)


def test_a_large_run_needs_a_gpu(bench: Bench) -> None:
    (row,) = rows("large", bench)
    assert row.ours is None
    assert "there is no CUDA device" in str(row.note)


def test_a_large_run_in_micro_batches(bench: Bench) -> None:
    from lab.bench.sections.large import LOGIT, trained

    (shape,) = bench.shapes
    enough = 2 * shape.batch * shape.length * shape.vocab_size * LOGIT
    for memory, micro in ((enough, shape.batch), (enough - 1, shape.batch // 2)):
        row = trained(bench, shape, memory=memory, compiled=False)
        assert is_sound(row)
        assert row.values == {"micro-batch": micro}


def test_compiling_is_for_a_full_measurement(bench: Bench) -> None:
    (row,) = rows("compile", bench)
    assert "--full" in str(row.note)


def test_without_a_compiler_nothing_is_compiled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.bench.sections.compiled.which", lambda name: None)
    bench.quick = False
    (row,) = rows("compile", bench)
    assert "C++ compiler" in str(row.note)


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_has_a_title(name: Name) -> None:
    assert section(name).title


@pytest.mark.parametrize("name", ["forward", "tokenizer"])
def test_a_peer_that_is_missing_is_named(
    name: Name, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.bench.peers.find_spec", lambda library: None)
    monkeypatch.setattr(tokenizer, "SIZES", {True: 20_000})
    (part,) = measure([name], quick=True, threads=1, bench=bench).parts
    library = {"forward": HUGGING, "tokenizer": "tiktoken"}[name]
    (note,) = part.notes
    assert library in note
    assert INSTALL in note
    assert all(map(is_sound, part.rows))
    assert not any(library in row.peers for row in part.rows)
