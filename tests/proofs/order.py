"""A variant of a shipped question as one run, trained in this process and judged on test."""

from pathlib import Path

import lab
from lab.config.digest import run_digest
from lab.config.loading import load_run
from lab.config.order import WorkOrder
from lab.data.prepare import prepare
from lab.provenance.facts import facts
from lab.run import execute

CONFIGS = Path(lab.__file__).parents[1] / "configs"


def trained(question: str, variant: str, folder: Path, *overrides: str) -> dict[str, float]:
    """Its metrics; what else it leaves is in its folder."""
    changes = [*overrides, "tracking.wandb.mode=disabled"]
    config = load_run(CONFIGS / f"{question}.yaml", variant=variant, overrides=changes)
    data = prepare(config.data)
    order = WorkOrder(
        run=variant,
        digest=run_digest(config, corpus_digest=data.corpus_digest),
        config=config,
        labels={"sweep": question, "variant": variant, "phase": "confirm"},
        settings={},
        judge="test",
        data=str(data.folder) if data.folder else None,
        provenance=facts(),
    )
    content = execute(order, folder=folder)
    assert content is not None
    assert content["status"] == "complete"
    metrics: dict[str, float] = content["metrics"]
    return metrics
