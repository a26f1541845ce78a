"""Which execution is the quickest, by numbers that were measured: what `auto` comes to, and why.

Design choices:
- what is simpler is left only for a gain that no noise explains: one thread a run, each run alone;
- cohorts are tried at powers of two, as long as more members still help; of two sizes that are as
  quick the smaller one is taken, which fills sooner and leaves more for other workers.
"""

import math
from collections.abc import Callable, Mapping

from lab.config.execution import Executed, Kind

GAIN = 1.05  # times as quick: what makes it worthwhile
LIKE = 1.02  # times as slow: as quick, as far as can be told
MOST = {"cpu": 16, "cuda": 256}  # members of a cohort that are tried
FAR = 4  # times the best size: so far beyond it no more are tried


def thread_counts(cores: int) -> list[int]:
    """How many threads a run may have, so that runs side by side take all cores: 1, 2, 4, ... and
    all."""
    powers = [2**n for n in range(cores.bit_length()) if cores % 2**n == 0]
    return sorted({*powers, cores})


def by_threads(rates: Mapping[int, float], *, cores: int, device: str) -> Executed:
    """The number of threads that trains the most tokens a second on all cores; `rates` by it."""
    best = max(rates, key=lambda threads: rates[threads])
    best = best if rates[best] > GAIN * rates[1] else 1
    why = ""
    if others := [threads for threads in rates if threads != best]:
        other = max(others, key=lambda threads: rates[threads])
        words = "1 thread" if other == 1 else f"{other} threads"
        why = (
            f"together {rates[best] / rates[other]:.2f} times the tokens a second of "
            f"{cores // other} at a time on {words}"
        )
    return Executed(
        threads=best,
        workers=cores // best,
        device=device,
        measured={f"tokens a second, threads={n}": _short(rate) for n, rate in rates.items()},
        why=why,
    )


def time_members(seconds: Callable[[int], float], *, most: int) -> dict[int, float]:
    """Seconds a token of a member in cohorts of 1, 2, 4 and so on, up to where more do not help.

    A size that memory does not suffice for is the last, and left out.
    """
    found: dict[int, float] = {}
    members = 1
    while members <= most:
        taken = seconds(members)
        if not math.isfinite(taken):
            break
        found[members] = taken
        if members >= FAR * min(found, key=lambda n: found[n]):
            break
        members *= 2
    return found


def by_members(
    seconds: Mapping[int, float], *, alone: float, device: str, choose: bool
) -> Executed:
    """The size of cohorts that takes the least, all in seconds a token; with `choose`, runs go
    alone where that is as quick."""
    measured = {"seconds a token, alone": _short(alone)}
    measured |= {f"seconds a token, members={n}": _short(taken) for n, taken in seconds.items()}
    if not seconds:
        why = "there is no memory for a cohort of 1"
        kind: Kind = "alone" if choose else "cohort"
        return Executed(kind=kind, device=device, measured=measured, why=why)
    least = min(seconds.values())
    best = min(n for n, taken in seconds.items() if taken <= LIKE * least)
    share = f"in a cohort of {best} a run takes {seconds[best] / alone:.2f} of its time alone"
    if choose and alone < GAIN * seconds[best]:
        return Executed(device=device, measured=measured, why=share)
    return Executed(kind="cohort", members=best, device=device, measured=measured, why=share)


def _short(value: float) -> float:
    """As much of it as means anything."""
    return float(f"{value:.4g}")
