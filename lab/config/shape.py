"""Which runs can be trained as one batched model, and which of them together: as arithmetic on
configs.

The members of a cohort take the same steps of the same size on the same data, through the same
architecture, and are looked at at the same steps. Each has its own seed and initial values, its own
optimizer's numbers, schedule and clipping, and is tracked as it likes.
"""

from lab.config.digest import digest
from lab.config.run import RunConfig

OWN = ("seed", "init_stream", "tracking")
OWN_IN_TRAINING = ("optimizer", "schedule", "clip_norm")


def shape_of(config: RunConfig) -> str:
    """A digest of all that members of a cohort must share."""
    raw = config.dump()
    for name in OWN:
        del raw[name]
    kind = raw["train"]["optimizer"]["kind"]
    for name in OWN_IN_TRAINING:
        del raw["train"][name]
    return digest(raw | {"optimizer": kind})


def stackable(config: RunConfig) -> str | None:
    """Why a run cannot be a member of a cohort; None where it can."""
    if config.model.dropout:
        return (
            f"model.dropout={config.model.dropout:g} draws its masks from one stream a run, which "
            "a batched model does not have; set model.dropout=0, or let runs go alone"
        )
    return None
