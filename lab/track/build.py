"""The tracker of a run: CSV always, wandb beside it unless it is disabled."""

from lab.config.tracking import TrackingConfig
from lab.track.base import Tracker
from lab.track.composite import Composite
from lab.track.csv import CsvTracker
from lab.track.wandb import WandbTracker
from lab.track.wandb_mode import resolve_mode


def build_tracker(config: TrackingConfig) -> Tracker:
    if resolve_mode(config.wandb) == "disabled":
        return CsvTracker()
    return Composite(CsvTracker(), observers=[WandbTracker(config.wandb)])
