"""What each figure shows, in words that fit the question."""

from lab.config.sweep import SweepConfig


def captions(question: SweepConfig) -> dict[str, str]:
    """By the name of the figure."""
    return {
        "differences": _differences(question),
        "curves": _curves(question),
        "tuning": _tuning(question),
    }


def _differences(question: SweepConfig) -> str:
    text = "Differences between runs of the same seed: a dot a seed, a diamond for their mean. "
    if question.tune:
        text += (
            "The thick bar is the interval that the seeds give; its thin ends are what tuning may "
            "have left on the table."
        )
    else:
        text += "The bar is the interval."
    if question.confirm and question.confirm.margin is not None:
        text += " Grey is the margin within which differences do not matter."
    return text + (" Every variant has its own scale." if len(question.comparisons) > 1 else "")


def _curves(question: SweepConfig) -> str:
    text = (
        "Mean over seeds; the band reaches from the lowest seed to the highest."
        if question.confirm
        else "One run each."
    )
    text += f" The reference, {question.reference}, is dashed." if question.comparisons else ""
    return text + " A run that diverged is dotted and ends in a cross."


def _tuning(question: SweepConfig) -> str:
    text = "A mark a tuning trial; the chosen one is ringed."
    if question.tune and len(question.tune.space) == 1:
        text += " The curve is the fit that estimates what tuning left on the table."
    return text + (
        " A cross at the top is a trial that diverged or failed; a small triangle there is one "
        "whose loss is too high to fit in."
    )
