"""What variants and trials may not change, since they would not be compared by the same measure.

All must read the same text, cut alike and judged alike. How a text becomes tokens may differ
between variants, which are then compared in bits a byte, and so may where training's windows begin;
a corpus may be named otherwise, and is compared by its content once that is known. A task's windows
are as long as the model's: with another length it would be judged on other windows.
"""

from collections.abc import Iterable

from lab.config.run import RunConfig

UNSEEN = ("device", "tracking")
TWIN = "init_stream"
OUTSIDE = ("train.checkpoint_every",)
FREE = ("data.tokenizer", "data.windows", "data.corpus")
LENGTH = "model.max_seq_len"


def variant_refused(where: str, paths: Iterable[str], base: RunConfig) -> list[str]:
    """What is wrong with the settings that a variant changes, a line each."""
    found = ((path, _of_variant(path, base)) for path in paths)
    return [f"{where}.{path}: {why}" for path, why in found if why]


def trial_refused(name: str, path: str) -> str | None:
    """What is wrong with a setting that a search changes."""
    where, section = f"tune.space.{name}: {path}", path.split(".")[0]
    if path == "seed":
        return f"{where} is given by the plan; use tune.seeds"
    if path == TWIN:
        return f"{where} is what the twin control changes; use confirm.twin"
    if section in UNSEEN or path in OUTSIDE:
        return f"{where} changes no number of a run"
    if section == "evaluate":
        return f"{where} is how all trials are judged; set base.{path}"
    if section == "data":
        remedy = "compare it as variants" if path.startswith(FREE[:2]) else f"set base.{path}"
        return f"{where} is the same for all trials of a search; {remedy}"
    return None


def length_refused(base: RunConfig, paths: Iterable[str]) -> list[str]:
    """Whether a search over a task changes the windows that its trials are judged on."""
    return [
        f"tune.space: {path} decides on which windows of the task {base.data.corpus.kind} a trial "
        f"is judged; set base.{LENGTH}"
        for path in paths
        if base.data.is_task and _sets_length(path)
    ]


def _of_variant(path: str, base: RunConfig) -> str | None:
    section = path.split(".")[0]
    if path == "seed":
        return "seeds are given by the plan; set base.seed"
    if path == TWIN:
        return "is what the twin control changes; use confirm.twin"
    if section in UNSEEN or path in OUTSIDE:
        return "changes no number of a run, so there is nothing to compare"
    if section == "evaluate":
        return f"all variants are judged alike; set base.{path}"
    if section == "data" and not path.startswith(FREE):
        return (
            f"all variants must read the same text in the same way; set base.{path}, or ask in "
            "another sweep"
        )
    if base.data.is_task and _sets_length(path):
        return (
            f"a task's windows are as long as the model's, so this variant would be judged on "
            f"others; set base.{LENGTH}"
        )
    return None


def _sets_length(path: str) -> bool:
    return f"{LENGTH}.".startswith(f"{path}.")
