"""What `report.json` and `across.json` hold, field by field: docs/report.md says it for people.

Design choices:
- this is a description, and what is written is tested against it; nothing is read back through it;
- a number that is not known is null, and so are NaN and an infinite bound;
- losses and differences have the unit of their metric, nats a token unless it is `.../bpb`.
"""

from typing import Any, Literal

from pydantic import Field

from lab.config.base import Strict
from lab.config.contrasts import Effect
from lab.report.judging.verdict import Kind

Row = dict[str, Any]  # a table's row: its headers and what stands below them


class VerdictEntry(Strict):
    """One verdict: what is compared, what was found, and how sure that is."""

    name: str = Field(description="the contrast, such as `rope − learned`; empty of a lone variant")
    variant: str = Field(description="the side that the sentence is about: an arm, or a level")
    reference: str = Field(description="the side that it is compared with")
    effect: Effect = Field(description="what kind of contrast it is")
    weights: dict[str, float] = Field(description="of each arm's metric; they sum to 0")
    scale: str | None = Field(description="where there are several")
    factor: str | None = Field(description="of a main effect or an interaction")
    beside: tuple[str, str, str] | None = Field(
        description="of an interaction: the other factor, its level, its reference level"
    )
    metric: str = Field(description="what is compared, lower being better, such as `test/loss`")
    kind: Kind = Field(description="the verdict in a word")
    sentence: str = Field(description="the verdict in a sentence")
    caveats: list[str] = Field(description="what should be known beside it")
    difference: float | None = Field(description="the mean over the seeds, variant − reference")
    low: float | None = Field(description="the interval's lower end, widened by `tau`")
    high: float | None = Field(description="the interval's upper end, widened by `tau`")
    level: float | None = Field(description="of the interval: 1 − α/k")
    n: int = Field(description="how many seeds")
    seeds: list[int] = Field(description="which they are")
    differences: list[float | None] = Field(
        description="one a seed, in the same order; null where a run was lost"
    )
    settled: bool = Field(description="no more seeds are needed, or allowed")
    e_value: float | None = Field(description="of the anytime test, against no difference")
    p_value: float | None = Field(description="of the fixed test: the exact sign-flip test")
    p_holm: float | None = Field(description="the same after Holm's correction")
    d_z: float | None = Field(description="the mean difference over its SD")
    correlation: float | None = Field(description="of the two sides over the seeds")
    p_lower: float | None = Field(description="the share of seeds with the lower value")
    tau: float | None = Field(description="what tuning may have left on both sides together")
    more_seeds: int | None = Field(description="about how many more would settle it")
    more_trials: int | None = Field(description="about how many more a variant would settle it")
    real_but_small: bool = Field(description="equivalent, and yet not 0")


class TrialEntry(Strict):
    """One trial of a search."""

    number: int = Field(description="counted from 0")
    settings: Row = Field(description="by name")
    values: list[float] | None = Field(description="of the objectives, means over its seeds")
    seeds: int = Field(description="how many it was trained with")
    sd: float | None = Field(description="over these, of the first objective")
    runs: list[str] = Field(description="their names")


class SearchEntry(Strict):
    """What a search found; a comparison of variants has none."""

    answer: list[str] = Field(description="in sentences")
    notes: list[str] = Field(description="what should be known beside it")
    objectives: list[Row] = Field(description="as the question has them")
    n_trials: int = Field(description="how many were begun")
    states: dict[str, int] = Field(description="how many ended in which way")
    tokens: dict[str, int] = Field(description="trained on, and if no trial had ended early")
    importance: dict[str, float] = Field(description="of each setting, shares of 1")
    n_skipped: int = Field(description="settings that were ruled out before they were tried")
    warm_notes: list[str] = Field(description="on what an earlier sweep taught")
    front: list[TrialEntry] | None = Field(
        None, description="the best trials by several objectives"
    )
    best: TrialEntry | None = Field(None, description="the best trial by one objective")
    seed_noise: float | None = Field(None, description="the SD of a run over seeds")
    within_noise: list[int] | None = Field(
        None, description="the trials that the best is not told apart from"
    )
    edges: list[str] | None = Field(None, description="settings whose best lies at an edge")


class FigureEntry(Strict):
    """A figure: `<name>.png` and `<name>.svg` lie beside `report.json`."""

    name: str = Field(description="the file's name without its ending")
    caption: str = Field(description="what it shows")


class DataEntry(Strict):
    """What was read."""

    says: list[str] = Field(description="in sentences")
    sources: list[Row] = Field(
        description="what the runs noted of each way to read it, as it stands"
    )


class ReportFile(Strict):
    """`report.json`: one sweep."""

    schema_: Literal[2] = Field(alias="schema", description="the version of this description")
    sweep: str = Field(description="the folder's name")
    plan: str = Field(description="the hash of plan.json")
    question: str = Field(description="as it was asked")
    rule: str = Field(description="what was fixed before the first run, in words")
    unfinished: bool = Field(description="runs or seeds are still to come")
    changes: list[str] = Field(description="of the plan, after runs had been seen")
    verdicts: list[VerdictEntry] = Field(description="the answer")
    controls: list[VerdictEntry] = Field(description="of the twins, which ought to find nothing")
    limits: list[str] = Field(description="what this does not show")
    fairness: list[str] = Field(description="in what the variants were alike, and in what not")
    spared: list[str] = Field(description="what stopping early spent")
    certified: list[str] = Field(description="what was proved of the variants")
    data: DataEntry = Field(description="what was read")
    useful_share: float | None = Field(description="of the workers' time: training and evaluation")
    search: SearchEntry | None = Field(description="null where variants are compared")
    tables: dict[str, list[Row]] = Field(description="the report's tables by name, a mapping a row")
    figures: list[FigureEntry] = Field(description="the report's figures")


class SweepEntry(Strict):
    """One of the sweeps that are put side by side."""

    sweep: str = Field(description="the folder's name, or its path where two have the same")
    question: str = Field(description="as it was asked")
    rule: str = Field(description="what was fixed before the first run, in words")
    endpoint: str = Field(description="the metric that is judged")
    unit: str = Field(description="of that metric")
    unfinished: bool = Field(description="runs or seeds are still to come")
    answers: list[str] = Field(description="in sentences")
    verdicts: list[VerdictEntry] = Field(description="as in its report.json")
    controls: list[VerdictEntry] = Field(description="as in its report.json")


class AcrossFile(Strict):
    """`across.json`: several sweeps."""

    schema_: Literal[1] = Field(alias="schema", description="the version of this description")
    sweeps: list[SweepEntry] = Field(description="in the order given")
    says: list[str] = Field(description="on agreement and cost, in sentences")
    tables: dict[str, list[Row]] = Field(description="the page's tables by name, a mapping a row")
