"""What every tracker promises, whichever it is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.config.tracking import WandbConfig
from lab.track.base import RunInfo, Tracker
from lab.track.composite import Composite
from lab.track.csv import CsvTracker
from lab.track.null import NullTracker
from lab.track.wandb import WandbTracker

OFFLINE = WandbConfig(mode="offline")
TRACKERS: dict[str, Callable[[], Tracker]] = {
    "null": NullTracker,
    "csv": CsvTracker,
    "wandb": lambda: WandbTracker(OFFLINE),
    "composite": lambda: Composite(CsvTracker(), observers=[WandbTracker(OFFLINE)]),
}


@pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS)
class TestTracker:
    def test_it_lives_and_lives_again_in_silence(
        self,
        make: Callable[[], Tracker],
        tmp_path: Path,
        make_info: Callable[..., RunInfo],
        warnings_of: Callable[[], list[str]],
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        (tmp_path / "package").mkdir()
        (tmp_path / "package" / "manifest.json").write_text("{}")
        info = make_info()
        for begin in (0, 10):
            tracker = make()
            tracker.start(info, step=begin)
            for step in range(begin + 5, begin + 20, 5):
                metrics = {"tokens": step, "train/loss": 0.5, "time/step": 0.1}
                tracker.log(metrics, step=step)
                metrics.clear()
            tracker.sample('The "cat"\n', step=begin + 15)
            tracker.summary({"test/loss": 1.0, "nested": {"text": "é"}})
            tracker.artifact(tmp_path / "package")
            tracker.finish(status="complete")
        assert warnings_of() == []
        assert capfd.readouterr() == ("", "")

    def test_it_writes_into_the_runs_folder_only(
        self, make: Callable[[], Tracker], tmp_path: Path, make_info: Callable[..., RunInfo]
    ) -> None:
        tracker = make()
        assert list(tmp_path.iterdir()) == []
        info = make_info()
        tracker.start(info, step=0)
        tracker.log({"tokens": 1}, step=1)
        tracker.finish(status="failed")
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert all(path.is_relative_to(info.folder) for path in files)

    def test_it_may_be_finished_without_a_start(self, make: Callable[[], Tracker]) -> None:
        make().finish(status="failed")
