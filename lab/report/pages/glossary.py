"""The words of a report that a newcomer may not know."""

from lab.config.sweep import SweepConfig

Words = tuple[tuple[str, str], ...]


def glossary(question: SweepConfig) -> Words:
    """Those that a report of this question may use."""
    data = TASK if question.base.data.is_task else TEXT
    beyond = BEYOND if question.base.evaluate.lengths else ()
    if question.is_search:
        several = SEVERAL if len(question.objectives) > 1 else ()
        return (*LOSSES, *data, *beyond, *SEARCHED, *several, *CERTIFICATE, FLOPS)
    return (*LOSSES, *data, *beyond, *COMPARED, *CERTIFICATE, FLOPS)


LOSSES: Words = (
    (
        "Loss, in nats a token",
        "How surprised the model is by the next token of text it has not seen, on average: minus "
        "the natural logarithm of the probability it gave it. Lower is better; a difference of "
        "0.01 is about 1 % in perplexity.",
    ),
)
TEXT: Words = (
    (
        "Bits a byte",
        "The same surprise in bits, for each byte of text instead of each token: the measure that "
        "stays comparable when tokenizers differ.",
    ),
    (
        "Training, validation and test split",
        "Text to learn from, text to choose settings and draw curves by, and text that is read "
        "once, at the end of a confirmation run, to judge by.",
    ),
    (
        "64-grams also in training",
        "The share of all windows of 64 bytes of a held-out text that stand anywhere in the "
        "training text: what a model may know by heart instead of having understood it.",
    ),
    (
        "Passes over the training text",
        "The tokens that a run is trained on for each token of the training text. From a few "
        "passes on, models begin to learn it by heart.",
    ),
)
TASK: Words = (
    (
        "Training, validation and test windows",
        "Windows to learn from, drawn anew at every step; windows to choose settings and draw "
        "curves by; and windows that are read once, at the end of a confirmation run, to judge by.",
    ),
    (
        "Floor, excess",
        "The floor is the loss of the best possible model on the very same windows: what no model "
        "can know is in it. The excess is what a model loses beyond that; 0 is perfect.",
    ),
    (
        "Accuracy",
        "The share of the scored tokens that the model thinks most likely and that are right. "
        "Where chance decides the next token even the best model is often wrong.",
    ),
)
BEYOND: Words = (
    (
        "Not defined",
        "A model with learned positions has a vector for each place of its training windows and "
        "none beyond: there it has no answer, and no number is given for one.",
    ),
)
CERTIFICATE: Words = (
    (
        "Certificate",
        "Before anything is compared, each variant proves on a small copy of itself that it is "
        "what its config says: no token sees the future, rotated scores depend on distances alone, "
        "norms have their statistics, counts are those predicted, and what it computes equals the "
        "papers' formulas, written out once more.",
    ),
)
COMPARED: Words = (
    (
        "Seed, paired",
        "A seed fixes all chance of a run: the initial values and the batches. Runs of different "
        "variants with the same seed see the same world, so the difference of such a pair is less "
        "noisy than that of two runs at random; the correlation says how much less.",
    ),
    (
        "Tuned, confirmed",
        "Tuning gives every variant the same number of trials to find good settings. The best "
        "of several trials looks better than it is, so its settings are trained again with fresh "
        "seeds, and only those runs are judged.",
    ),
    (
        "Interval",
        "The differences that the runs leave possible, at the stated level. With several "
        "comparisons the level is raised, so that the chance of any wrong claim stays at α. With "
        "the test 'anytime' it stays valid although seeds are added until it decides.",
    ),
    (
        "Decided, equivalent, undecided, unstable",
        "Decided: the interval leaves out 0. Equivalent: all of it lies within the margin that the "
        "plan calls unimportant. Undecided: neither. Unstable: a confirmation run diverged or "
        "failed, so there is no mean to speak of.",
    ),
    (
        "E-value",
        "Evidence against 'no difference' that may be looked at after every seed: under no "
        "difference it ever reaches a threshold of 1/α with probability α at most.",
    ),
    (
        "Tuning may hide (τ)",
        "How much lower the loss should be at better settings, by the curve through the trials; "
        "where the best possible loss is known, at most what is left above it. "
        "The interval is widened on both sides by the τ of both variants.",
    ),
    ("d_z", "The mean difference in standard deviations of the differences."),
    (
        "P(A > B)",
        "The share of the seeds at which A did better than B, ties half: how often single runs "
        "would show it.",
    ),
    (
        "Noise floor",
        "The SD over seeds of the reference: what two runs differ by for no reason at all.",
    ),
)
SEARCHED: Words = (
    (
        "Trial, run, seed",
        "A trial is one choice of settings. It is trained once a seed, and each training is a "
        "run: a seed fixes all chance of it, the initial values and the batches.",
    ),
    (
        "Given up early, rung",
        "A trial that does worse than others after the same number of training tokens is not "
        "carried on; the numbers at which they are compared are the rungs. Where trials have "
        "several seeds, one that the first seeds show to be worse than the best ends there. "
        "Only trials that were trained to their end can be best.",
    ),
    (
        "Seed noise, and what lies within it",
        "The SD over seeds at the same settings. Two trials whose means differ by less than two "
        "standard errors may well be equally good.",
    ),
    (
        "Fresh seeds",
        "Seeds that the search never saw. The best of several trials is partly good and partly "
        "lucky; trained again with fresh seeds, the luck is gone.",
    ),
    (
        "Importance",
        "The share of the differences between trials that goes with a setting. It depends on the "
        "ranges: what hardly varies cannot matter.",
    ),
)
SEVERAL: Words = (
    (
        "Pareto front",
        "The trials that no other beats in one objective without being worse in another: the "
        "possible trade-offs.",
    ),
)
FLOPS = (
    "FLOPs a token",
    "The arithmetic of training on one token, matrix products only: a measure of cost that "
    "does not depend on the machine.",
)
