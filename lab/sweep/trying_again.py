"""What becomes of a run whose attempt has failed: it is tried again, or given up for good.

Design choices:
- both are told in the log and kept beside the run, the end of it as a result like any other;
- a run that was lost with its machine is continued: that is no attempt of its own;
- an attempt in company is never the last: another run of the job may have been at fault, so each
  has one of its own, alone, before it is given up.
"""

from lab.files import write_json
from lab.result import failure
from lab.run_folder import RESULT
from lab.sweep.allowance import step_of
from lab.sweep.attempts import LOSSES, OUT_OF_MEMORY, Attempts
from lab.sweep.events import note, warn
from lab.sweep.orders import Orders
from lab.sweep.plan import Result
from lab.sweep.under_way import Part, UnderWay


def failed(part: Part, job: UnderWay, *, orders: Orders) -> Result | None:
    """The result of a run that has failed too often; None where it is to be tried again."""
    run, mishap, attempts = part.run, job.mishap(part), Attempts(part.folder)
    if mishap.lost:
        stands = step_of(part.folder)
        if attempts.add_loss(mishap, stands=stands) < LOSSES:
            words = f"{run.name} {mishap.error}; it is continued from step {stands}"
            warn("lost", words, run=run.name, error=mishap.error, step=stands)
            return None
    allowed = 1 + orders.plan.question.retries
    if job.many > 1:
        allowed = max(allowed, attempts.count + 2)
    number = attempts.add(mishap, allowed=allowed)
    if mishap.error.startswith(OUT_OF_MEMORY):
        note(OUT_OF_MEMORY, f"{run.name} {mishap.error}", run=run.name)
    told = {"run": run.name, "attempt": number, "of": allowed, "step": mishap.step}
    if number < allowed:
        again = f"it is tried again ({number + 1} of {allowed})"
        warn("retried", f"{run.name}: {mishap.in_words}; {again}", error=mishap.error, **told)
        return None
    error = mishap.in_words + (f" (the last of {number} attempts)" if number > 1 else "")
    warn("given up", f"{run.name}: {error}", error=mishap.error, **told)
    result = failure(orders.of(run), error, step=mishap.step or 0)
    write_json(part.folder / RESULT, result)
    return result
