"""How many seeds the confirmation of a question may come to."""

from lab.config.sweep import SweepConfig

Span = tuple[int, int]


def seeds_of(question: SweepConfig) -> dict[str, Span]:
    """The least and the greatest number of seeds, by arm and twin; {} without a confirmation.

    A twin has the seeds of its reference. What is in no comparison that can be made is not looked
    at again after the first seeds.
    """
    confirm = question.confirm
    if confirm is None:
        return {}
    first = confirm.first_seeds if question.contrasts else confirm.max_seeds
    judged = {arm for contrast in question.judged for arm in contrast.weights}
    return {
        name: (first, confirm.max_seeds if question.twins.get(name, name) in judged else first)
        for name in (*question.arms, *question.twins)
    }
