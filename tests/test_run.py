"""One run from its order to its result, in this process."""

import csv
import json
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lab.config.order import WorkOrder
from lab.data.prepare import prepare
from lab.package.read import load_package
from lab.run import execute, time_steps
from lab.track.csv import CsvTracker

Order = Callable[..., WorkOrder]


def test_a_run_leaves_what_it_should(order: Order, tmp_path: Path) -> None:
    folder, asked = tmp_path / "run", order()
    content = execute(asked, folder=folder)
    assert content == json.loads((folder / "result.json").read_text())
    assert content["status"] == "complete"
    assert content["step"] == 12
    assert content["tokens"] == 12 * 4 * 16
    assert content["metrics"].keys() >= {"train/loss", "val/loss", "val/perplexity", "val/bpb"}
    assert not any(name.startswith("test/") for name in content["metrics"])
    assert content["initial"]["val/loss"] > content["metrics"]["val/loss"]
    assert content["package"] == asked.run
    assert sorted(f.name for f in folder.iterdir()) == [
        "metrics.csv",
        "result.json",
        "samples.csv",
        "timing.csv",
    ]
    timing = content["timing"]
    parts = ("setup", "train", "eval", "track", "checkpoint", "package")
    assert timing["total"] == pytest.approx(sum(timing[part] for part in parts))


def test_the_package_is_the_trained_model(order: Order, tmp_path: Path) -> None:
    asked = order()
    content = execute(asked, folder=tmp_path / "run")
    package = load_package(tmp_path / "artifacts" / asked.digest[:8])
    assert package.config == asked.config
    assert package.manifest.metrics["val/loss"] == content["metrics"]["val/loss"]
    data = prepare(asked.config.data)
    ids = torch.from_numpy(data.split("val")[:400].astype("int64"))
    windows = ids[: 16 * (len(ids) // 16)].view(-1, 16)
    with torch.inference_mode():
        logits = package.model(windows)
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), windows[:, 1:].flatten())
    assert loss < content["initial"]["val/loss"]


def test_the_same_run_twice_gives_the_same_bytes(order: Order, tmp_path: Path) -> None:
    for name in ("one", "two"):
        execute(order(package=False, **{"model.dropout": 0.1}), folder=tmp_path / name)
    for file in ("metrics.csv", "samples.csv"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("stops", [(1,), (3, 4), (2, 5, 6, 11)])
def test_stopped_and_continued_gives_the_same_bytes(
    order: Order, tmp_path: Path, stops: tuple[int, ...]
) -> None:
    asked, whole, parts = order(package=False), tmp_path / "whole", tmp_path / "parts"
    expected = execute(asked, folder=whole)
    before = 0
    for at in stops:
        steps = iter(range(before + 1, 99))
        assert execute(asked, folder=parts, stop=lambda s=steps, at=at: next(s) >= at) is None
        assert not (parts / "result.json").exists()
        before = at
    continued = execute(asked, folder=parts)
    for file in ("metrics.csv", "samples.csv"):
        assert (parts / file).read_bytes() == (whole / file).read_bytes()
    for content in (expected, continued):
        del content["timing"]
    assert continued == expected


def test_a_tracker_that_is_slow_to_finish_is_no_silence(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finishing, asked_meanwhile = threading.Event(), threading.Event()

    class Slow(CsvTracker):
        def finish(self, *, status: str) -> None:
            finishing.set()
            assert asked_meanwhile.wait(60)

    def stop() -> bool:
        if finishing.is_set():
            asked_meanwhile.set()
        return True

    monkeypatch.setattr("lab.run.build_tracker", lambda config: Slow())
    monkeypatch.setattr("lab.run.BEAT", 0.01)
    assert execute(order(), folder=tmp_path, stop=stop) is None
    assert not any(thread.name == "lab-beat" for thread in threading.enumerate())


def until(order: WorkOrder, step: int | None) -> WorkOrder:
    return WorkOrder.parse({**order.dump(), "until": step})


def untimed(content: dict[str, Any] | None) -> dict[str, Any]:
    assert content is not None
    return {key: value for key, value in content.items() if key != "timing"}


def rows(folder: Path) -> dict[str, dict[str, float]]:
    """The rows of metrics.csv that have a validation loss, without what is no metric."""
    with (folder / "metrics.csv").open(newline="") as file:
        found = [row for row in csv.DictReader(file) if row["val/loss"]]
    return {
        row["step"]: {k: float(v) for k, v in row.items() if v and k not in ("step", "tokens")}
        for row in found
    }


class TestUntil:
    def test_paused_twice_ends_as_one_never_paused(self, order: Order, tmp_path: Path) -> None:
        asked, folder, whole = order(**{"model.dropout": 0.1}), tmp_path / "run", tmp_path / "whole"
        expected = untimed(execute(asked, folder=whole))
        package = tmp_path / "artifacts" / asked.digest[:8]
        weights = (package / "model.safetensors").read_bytes()
        package.rename(tmp_path / "aside")
        for step in (4, 8):
            content = execute(until(asked, step), folder=folder)
            assert (content["status"], content["step"]) == ("running", step)
            assert not (folder / "result.json").exists()
            assert not package.exists()
        assert untimed(execute(asked, folder=folder)) == expected
        for file in ("metrics.csv", "samples.csv"):
            assert (folder / file).read_bytes() == (whole / file).read_bytes()
        assert (package / "model.safetensors").read_bytes() == weights
        assert sorted(f.name for f in folder.iterdir()) == sorted(f.name for f in whole.iterdir())

    def test_what_was_reached_is_told_as_a_result_is(self, order: Order, tmp_path: Path) -> None:
        asked, folder = order(), tmp_path / "run"
        content = execute(until(asked, 8), folder=folder)
        assert content == json.loads((folder / "reached.json").read_text())
        assert (content["status"], content["step"]) == ("running", 8)
        assert content["tokens"] == 8 * 4 * 16
        assert content["evaluations"] == rows(folder)
        assert list(content["evaluations"]) == ["0", "4", "8"]
        assert content["metrics"] == content["evaluations"]["8"]
        assert content["metrics"].keys() >= {"train/loss", "val/loss", "val/perplexity", "val/bpb"}
        final = execute(asked, folder=folder)
        assert final.keys() == content.keys()
        for name in ("schema", "run", "digest", "seed", "initial", "model", "data", "provenance"):
            assert final[name] == content[name]
        assert final["timing"]["train"] > content["timing"]["train"]
        assert final["timing"]["setup"] > content["timing"]["setup"]

    def test_killed_between_checkpoint_and_word_of_it(self, order: Order, tmp_path: Path) -> None:
        asked, folder = until(order(), 8), tmp_path / "run"
        expected = untimed(execute(asked, folder=folder))
        (folder / "reached.json").unlink()
        before = (folder / "metrics.csv").read_bytes()
        assert untimed(execute(asked, folder=folder)) == expected
        assert (folder / "reached.json").exists()
        assert (folder / "metrics.csv").read_bytes() == before

    def test_killed_on_the_way_to_the_next_rung(self, order: Order, tmp_path: Path) -> None:
        asked, folder, whole = order(package=False), tmp_path / "run", tmp_path / "whole"
        expected = untimed(execute(until(asked, 8), folder=whole))
        execute(until(asked, 4), folder=folder)

        def killed(step: int, row: object) -> None:
            if step == 6:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            execute(until(asked, 8), folder=folder, on_row=killed)
        assert json.loads((folder / "reached.json").read_text())["step"] == 4
        assert untimed(execute(until(asked, 8), folder=folder)) == expected
        assert (folder / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()

    def test_an_interruption_beyond_it_takes_nothing_back(
        self, order: Order, tmp_path: Path
    ) -> None:
        asked, folder = order(package=False), tmp_path / "run"
        seen = [0]
        stopped = execute(
            asked,
            folder=folder,
            stop=lambda: seen[-1] >= 6,
            on_row=lambda step, row: seen.append(step),
        )
        assert stopped is None
        content = execute(until(asked, 4), folder=folder)
        assert (content["status"], content["step"]) == ("running", 6)
        assert content["metrics"] == content["evaluations"]["4"]

    def test_divergence_before_it_is_a_result(self, order: Order, tmp_path: Path) -> None:
        asked = order(**{"train.optimizer.lr": 1e38, "train.clip_norm": None})
        content = execute(until(asked, 8), folder=tmp_path / "run")
        assert content["status"] == "diverged"
        assert content["evaluations"].keys() == {"0"}
        assert (tmp_path / "run" / "result.json").exists()
        assert not (tmp_path / "run" / "reached.json").exists()

    def test_divergence_after_it_forgets_it(
        self, order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked, folder = order(), tmp_path / "run"
        content = execute(until(asked, 4), folder=folder)
        monkeypatch.setattr("lab.train.update.rate_factor", lambda *_, **__: math.inf)
        final = execute(until(asked, 8), folder=folder)
        assert (final["status"], final["diverged_at"]) == ("diverged", 5)
        assert final["evaluations"] == content["evaluations"]
        assert not (folder / "reached.json").exists()

    @pytest.mark.parametrize("step", [12, 100])
    def test_the_end_or_later_is_the_end(self, order: Order, tmp_path: Path, step: int) -> None:
        content = execute(until(order(), step), folder=tmp_path / "run")
        assert (content["status"], content["step"]) == ("complete", 12)


def test_a_result_has_every_evaluation(order: Order, tmp_path: Path) -> None:
    content = execute(order(package=False, judge="test"), folder=tmp_path / "run")
    assert content["evaluations"] == rows(tmp_path / "run")
    assert list(content["evaluations"]) == ["0", "4", "8", "12"]
    last = content["evaluations"]["12"]
    assert last.items() <= content["metrics"].items()
    assert content["evaluations"]["0"] == content["initial"]


def test_another_seed_is_another_run(order: Order, tmp_path: Path) -> None:
    a, b = order(package=False), order(package=False, seed=1)
    assert a.digest != b.digest
    execute(a, folder=tmp_path / "a")
    execute(b, folder=tmp_path / "b")
    assert (tmp_path / "a/metrics.csv").read_bytes() != (tmp_path / "b/metrics.csv").read_bytes()


def test_the_judged_split_is_read_once_at_the_end(order: Order, tmp_path: Path) -> None:
    content = execute(order(package=False, judge="test"), folder=tmp_path / "run")
    assert content["metrics"].keys() >= {"test/loss", "test/perplexity", "test/bpb"}
    with (tmp_path / "run" / "metrics.csv").open() as file:
        assert not any(name.startswith("test/") for name in next(csv.reader(file)))


def test_a_diverged_run_is_a_result(order: Order, tmp_path: Path) -> None:
    asked = order(**{"train.optimizer.lr": 1e38, "train.clip_norm": None})
    content = execute(asked, folder=tmp_path / "run")
    assert content["status"] == "diverged"
    assert 1 <= content["diverged_at"] <= content["step"]
    assert content["package"] is None
    assert not (tmp_path / "artifacts").exists()
    json.dumps(content, allow_nan=False)


def test_a_model_that_starts_diverged_is_a_result(order: Order, tmp_path: Path) -> None:
    content = execute(order(**{"model.init_std": 1e30}), folder=tmp_path / "run")
    assert (content["status"], content["diverged_at"], content["step"]) == ("diverged", 0, 0)
    json.dumps(content, allow_nan=False)


def test_bits_a_byte_and_nats_a_token_agree(order: Order, tmp_path: Path) -> None:
    """One byte a token in this text, so they differ by ln 2 alone."""
    metrics = execute(order(package=False), folder=tmp_path / "run")["metrics"]
    assert metrics["val/bpb"] == pytest.approx(metrics["val/loss"] / 0.6931471805599453)
    assert metrics["val/perplexity"] == pytest.approx(2 ** metrics["val/bpb"])


def test_bpe_runs_too(order: Order, tmp_path: Path) -> None:
    asked = order(**{"data.tokenizer": {"kind": "bpe", "vocab_size": 300}})
    content = execute(asked, folder=tmp_path / "run")
    assert content["model"]["vocab_size"] == 300
    assert load_package(tmp_path / "artifacts" / asked.digest[:8]).tokenizer.bos_id is not None


ROPE: dict[str, Any] = {"model.position": {"kind": "rope"}}
TASK: dict[str, Any] = {"data.corpus": {"kind": "mqar", "symbols": 8, "pairs": 2, "held_out": 8}}


def positions(folder: Path) -> list[dict[str, float]]:
    with (folder / "positions.csv").open(newline="") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


class TestLengths:
    @pytest.mark.parametrize("judge", ["val", "test"])
    def test_a_model_is_judged_at_each_by_position(
        self, order: Order, tmp_path: Path, judge: str
    ) -> None:
        asked = order(judge=judge, **ROPE, **{"evaluate.lengths": [8, 16, 64]})
        metrics = execute(asked, folder=tmp_path / "run")["metrics"]
        assert {k for k in metrics if "@" in k} == {f"{judge}/loss@{n}" for n in (8, 16, 64)}
        assert metrics[f"{judge}/loss@16"] == pytest.approx(metrics[f"{judge}/loss"], rel=1e-12)
        rows = positions(tmp_path / "run")
        assert list(rows[0]) == ["length", "position", "tokens", "loss"]
        targets = prepare(asked.config.data).split(judge).size - 1
        for length in (8, 16, 64):
            here = [row for row in rows if row["length"] == length]
            assert [row["position"] for row in here] == [*range(1, length + 1)]
            assert sum(row["tokens"] for row in here) == targets
            mean = sum(row["tokens"] * row["loss"] for row in here) / targets
            assert metrics[f"{judge}/loss@{length}"] == pytest.approx(mean)

    def test_where_it_is_not_defined_there_is_nothing(self, order: Order, tmp_path: Path) -> None:
        """Learned positions end at 16 tokens; with all lengths beyond, there is no file either."""
        content = execute(order(**{"evaluate.lengths": [8, 64]}), folder=tmp_path / "some")
        assert {k for k in content["metrics"] if "@" in k} == {"val/loss@8"}
        assert {row["length"] for row in positions(tmp_path / "some")} == {8}
        content = execute(order(**{"evaluate.lengths": [17]}), folder=tmp_path / "none")
        assert not any("@" in name for name in content["metrics"])
        assert not (tmp_path / "none" / "positions.csv").exists()

    def test_only_once_and_at_the_end(self, order: Order, tmp_path: Path) -> None:
        asked, folder = order(**ROPE, **{"evaluate.lengths": [16, 32]}), tmp_path / "run"
        content = execute(until(asked, 4), folder=folder)
        assert not any("@" in name for name in content["metrics"])
        assert not (folder / "positions.csv").exists()
        whole = untimed(execute(asked, folder=tmp_path / "whole"))
        (tmp_path / "artifacts" / asked.digest[:8]).rename(tmp_path / "aside")
        assert untimed(execute(asked, folder=folder)) == whole
        file = "positions.csv"
        assert (folder / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
        assert not any("@" in name for row in rows(folder).values() for name in row)

    def test_of_a_task(self, order: Order, tmp_path: Path) -> None:
        asked = order(**TASK, **ROPE, **{"evaluate.lengths": [16, 32]})
        metrics = execute(asked, folder=tmp_path / "run")["metrics"]
        kinds = ("loss", "accuracy", "excess")
        expected = {f"val/{kind}@{length}" for kind in kinds for length in (16, 32)}
        assert {name for name in metrics if "@" in name} == expected
        rows = positions(tmp_path / "run")
        assert {row["length"] for row in rows} == {16, 32}
        assert all(row["floor"] == 0 < row["tokens"] for row in rows)  # answers alone


class TestTasks:
    def test_are_drawn_by_whoever_needs_them(self, order: Order, tmp_path: Path) -> None:
        asked = order(judge="test", **TASK)
        assert asked.data is None
        content = execute(asked, folder=tmp_path / "run")
        metrics = content["metrics"]
        for split in ("val", "test"):
            told = ("accuracy", "floor", "excess", "excess_se")
            assert metrics.keys() >= {f"{split}/{name}" for name in told}
            assert f"{split}/bpb" not in metrics
        assert metrics["val/excess"] == pytest.approx(metrics["val/loss"])  # its floor is 0
        assert any(name.startswith("val/accuracy/gap=") for name in metrics)
        assert content["data"]["kind"] == "task"
        assert content["data"]["evaluated"] == {"val": 8 * 16, "test": 8 * 16}
        package = load_package(tmp_path / "artifacts" / asked.digest[:8])
        assert package.tokenizer.vocab_size == content["model"]["vocab_size"]

    def test_stopped_and_continued_gives_the_same_bytes(self, order: Order, tmp_path: Path) -> None:
        asked = order(package=False, **TASK)
        whole, parts = tmp_path / "whole", tmp_path / "parts"
        expected = untimed(execute(asked, folder=whole))
        steps = iter(range(1, 99))
        assert execute(asked, folder=parts, stop=lambda: next(steps) >= 7) is None
        assert untimed(execute(asked, folder=parts)) == expected
        assert (parts / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()

    def test_samples_need_a_prompt_of_the_tasks_symbols(self, order: Order, tmp_path: Path) -> None:
        execute(order(package=False, **TASK), folder=tmp_path / "none")
        assert (tmp_path / "none" / "samples.csv").read_text() == "step,text\n"
        letter = prepare(order(**TASK).config.data).tokenizer.decode([1])
        given = order(package=False, **TASK, **{"tracking.samples.prompt": letter})
        execute(given, folder=tmp_path / "some")
        with (tmp_path / "some" / "samples.csv").open(newline="") as file:
            texts = [row["text"] for row in csv.DictReader(file)]
        assert texts
        assert all(text.startswith(letter) for text in texts)

    def test_real_steps_are_timed(self, order: Order) -> None:
        assert 0 < time_steps(order(**TASK).config, None, threads=1, steps=2) < 1


class TestWhatIsRead:
    def test_a_limit_of_tokens_is_told(self, order: Order, tmp_path: Path) -> None:
        found = {}
        for limit in (None, 100):
            asked = order(package=False, judge="test", **{"evaluate.tokens": limit})
            found[limit] = execute(asked, folder=tmp_path / str(limit))
        stats = found[None]["data"]["stats"]
        whole = {split: stats[split]["tokens"] for split in ("val", "test")}
        assert found[None]["data"]["evaluated"] == whole
        assert found[100]["data"]["evaluated"] == {"val": 100, "test": 100}
        for split in ("val", "test"):
            losses = [found[limit]["metrics"][f"{split}/loss"] for limit in (None, 100)]
            assert losses[0] != losses[1]

    @pytest.mark.parametrize(
        "changes",
        [
            {"data.windows": {"kind": "strided"}},
            {"data.tokenizer": {"kind": "char", "specials": True}, "data.documents": "separate"},
        ],
        ids=["strided", "separate documents"],
    )
    def test_other_batches_train_too(
        self, order: Order, tmp_path: Path, changes: dict[str, Any]
    ) -> None:
        """In micro-batches as at once, killed or not."""
        asked, whole, parts = order(package=False, **changes), tmp_path / "a", tmp_path / "b"
        expected = untimed(execute(asked, folder=whole))
        steps = iter(range(1, 99))
        assert execute(asked, folder=parts, stop=lambda: next(steps) >= 5) is None
        assert untimed(execute(asked, folder=parts)) == expected
        assert (parts / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
        split = order(package=False, **changes, **{"train.micro_batch_size": 2})
        metrics = execute(split, folder=tmp_path / "c")["metrics"]
        assert metrics["val/loss"] == pytest.approx(expected["metrics"]["val/loss"], rel=1e-4)
        assert execute(order(package=False), folder=tmp_path / "d")["metrics"] != metrics


def test_an_unfinished_package_of_the_same_run_is_replaced(order: Order, tmp_path: Path) -> None:
    asked = order()
    execute(asked, folder=tmp_path / "run")
    (tmp_path / "run" / "result.json").unlink()
    again = execute(asked, folder=tmp_path / "again")
    assert again["package"] == asked.run
    load_package(tmp_path / "artifacts" / asked.digest[:8])


def test_real_steps_are_timed(order: Order) -> None:
    asked = order()
    assert asked.data is not None
    assert 0 < time_steps(asked.config, Path(asked.data), threads=1, steps=2) < 1
