"""A benchmark as a whole."""

from pathlib import Path

import torch

from lab.bench.measuring import Bench
from lab.bench.record import Record, read_record, write_record
from lab.bench.run import measure


def test_a_record_has_the_machine_and_what_was_measured(bench: Bench, tmp_path: Path) -> None:
    begun: list[tuple[str, str]] = []
    ended: list[Record] = []
    record = measure(
        ["matmul", "large"],
        quick=True,
        threads=1,
        begun=lambda name, what: begun.append((name, what)),
        ended=ended.append,
        bench=bench,
    )
    assert [part.section for part in record.parts] == ["matmul", "large"]
    assert [len(each.parts) for each in ended] == [1, 2]
    assert ended[-1] == record
    assert begun[0] == ("matmul", "")
    assert ("matmul", record.parts[0].rows[0].name) in begun
    assert record.machine["torch"] == torch.__version__
    assert record.machine["hardware"]["cores"] >= 1
    assert record.machine["transformers"]
    assert record.device == "cpu"
    assert record.matmul["fp32"] > 0
    assert record.threads == 1
    write_record(tmp_path / "a.json", record)
    assert read_record(tmp_path / "a.json") == record


def test_threads_are_those_asked_for_and_afterwards_as_before(bench: Bench) -> None:
    before, seen = torch.get_num_threads(), []
    measure(
        ["large"],
        quick=True,
        threads=3,
        begun=lambda name, what: seen.append(torch.get_num_threads()),
        bench=bench,
    )
    assert set(seen) == {3}
    assert torch.get_num_threads() == before
