"""What the report's sections are, of a comparison and of a search."""

from lab.report.pages.sections import Outline


def of_comparison(*, compares: bool) -> tuple[Outline, ...]:
    """`compares`: whether there is more than one thing to compare."""
    return (
        Outline("limits", "What this does not show", ["list limits"]),
        Outline(
            "fairness",
            "Was it fair?" if compares else "Size and speed",
            ["text fairness", "table fairness"],
        ),
        Outline(
            "evidence",
            "How sure is that?",
            [
                "figure differences",
                "table comparisons",
                Outline(
                    "effects", "Effects of the factors", ["figure interaction", "table effects"]
                ),
                Outline(
                    "scales",
                    "From scale to scale",
                    ["text scales", "figure scales", "table scales", "table laws"],
                ),
                Outline("results", "What each variant reached", ["table results"]),
            ],
        ),
        Outline(
            "tuning",
            "Tuning",
            [
                "figure tuning",
                "table tuning",
                Outline(
                    "searched",
                    "How each variant was searched",
                    [
                        "figure history",
                        "figure slices",
                        "figure importance",
                        "table tokens",
                        "table skipped",
                    ],
                    folded=True,
                ),
            ],
        ),
        Outline("trials", "Would more trials have helped?", ["figure budget"]),
        *_MODELS,
        Outline("control", "The control", ["text twin", "table twin"]),
        *_PAPERS,
    )


def of_search(*, front: bool) -> tuple[Outline, ...]:
    """`front`: whether there are several objectives, so that no one trial is the best."""
    return (
        Outline(
            "best",
            "The Pareto front" if front else "The best trials",
            ["figure front", "table best", "table front"],
        ),
        Outline("limits", "What this does not show", ["list limits"]),
        Outline(
            "evidence",
            "Trained again with fresh seeds",
            ["figure differences", "table comparisons", "table results"],
        ),
        Outline(
            "settings",
            "What matters",
            ["figure importance", "figure slices", "figure parallel"],
        ),
        Outline(
            "search",
            "How the search went",
            [
                "figure history",
                "figure learning",
                "figure budget",
                "table tokens",
                Outline("skipped", "Settings that were ruled out", ["table skipped"]),
            ],
        ),
        *_MODELS,
        Outline("fairness", "Size and speed", ["text fairness", "table fairness"]),
        *_PAPERS,
    )


_MODELS = (
    Outline("curves", "Learning curves", ["figure curves", "figure paired"]),
    Outline(
        "floor",
        "How close to the best possible?",
        ["table floor", Outline("slices", "Which answers are right", ["table by_slice"])],
    ),
    Outline("lengths", "At other lengths than in training", ["figure positions", "table lengths"]),
    Outline("cost", "What it cost", ["figure cost", "text useful", "table budget"]),
)
_PAPERS = (
    Outline(
        "certificates",
        "Certificates",
        [
            "text certified",
            "table certificates",
            Outline("measured", "What was measured", ["table measured"], folded=True),
        ],
    ),
    Outline("data", "What was read", ["text read", "table read"]),
    Outline(
        "plan",
        "Plan and outcome",
        [
            "text rule",
            "text plan",
            "table plan",
            "table counts",
            Outline("mishaps", "Runs that did not end well", ["table mishaps"]),
            Outline(
                "surplus", "Runs that the verdict did not need", ["text surplus", "table surplus"]
            ),
        ],
    ),
    Outline("runs", "Every run", ["table runs"]),
    Outline("provenance", "Provenance", ["table provenance"]),
    Outline("words", "How to read this", ["all words"]),
    Outline("commands", "How to reproduce it", ["all commands"]),
)
