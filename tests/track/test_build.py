"""Which trackers a config means."""

from pathlib import Path

import pytest

from lab.config.tracking import TrackingConfig, WandbConfig
from lab.track.build import build_tracker
from lab.track.composite import Composite
from lab.track.csv import CsvTracker


@pytest.mark.parametrize("mode", ["auto", "online", "offline"])
def test_wandb_stands_beside_the_csv(mode: str) -> None:
    config = TrackingConfig(wandb=WandbConfig.parse({"mode": mode}))
    assert isinstance(build_tracker(config), Composite)


def test_csv_alone_where_wandb_is_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrackingConfig(wandb=WandbConfig(mode="disabled"))
    assert isinstance(build_tracker(config), CsvTracker)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert isinstance(build_tracker(TrackingConfig()), CsvTracker)


def test_building_touches_no_file(tmp_path: Path) -> None:
    build_tracker(TrackingConfig())
    assert list(tmp_path.iterdir()) == []
