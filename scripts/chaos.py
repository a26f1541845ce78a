"""A real sweep, killed again and again at every level, and then compared with one left in peace.

    python scripts/chaos.py [--kills 50] [--seed 0] [--workers 2] [--members 4] [--keep FOLDER]

A small question is answered twice: once without a disturbance, once while workers, the supervisor,
the fork server and the whole group are killed, asked to end, interrupted once and twice, and put to
sleep for a while. Whenever the command has ended, the same command is given again. With
`--members`, runs go in cohorts of up to so many, where a blow to one is a blow to all. Ends with 0
where both came to the same, byte for byte apart from timing; else with 1 and what differs.

Design choices:
- what is done to whom, and when, is drawn from the seed before the sweep begins. A blow waits for a
  share of all training steps, so blows reach from the first step to the last; every fourth falls
  within seconds of a start instead, on whatever the command does then;
- runs are watched from outside, through their files: how many steps are trained again after each
  blow, and whether a result that stood is ever written again;
- every blow meets a living process: where a command has ended, the same is given again first;
- a process of the sweep that outlives its supervisor by more than seconds is an orphan, a fault.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from same_sweep import differences, unfinished
from watched_sweep import Sweep, send

CHECKPOINT_EVERY = 20
PATIENCE = 60  # seconds in which a command that was asked to end must have ended
HOWS = ("SIGKILL", "SIGTERM", "SIGINT", "SIGINT twice", "SIGSTOP")
LEVELS = {
    "worker": ("SIGKILL", "SIGTERM", "SIGSTOP"),
    "supervisor": HOWS,
    "fork server": ("SIGKILL", "SIGTERM", "SIGSTOP"),
    "group": HOWS,
}
console = Console(highlight=False, soft_wrap=True, markup=False)


def question(corpus: Path, *, steps: int, retries: int, members: int) -> dict[str, Any]:
    """Tuned with a pruner, confirmed seed by seed: every kind of decision is made."""
    execution = {"kind": "cohort", "members": members} if members else {"kind": "alone"}
    return {
        "question": "Do rotations help a tiny model?",
        "base": {
            "data": {"corpus": {"kind": "file", "path": str(corpus)}},
            "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 16},
            "train": {
                "steps": steps,
                "batch_size": 4,
                "schedule": {"kind": "cosine", "warmup_steps": 5},
                "log_every": 5,
                "eval_every": steps // 6,
                "checkpoint_every": CHECKPOINT_EVERY,
            },
            "device": "cpu",
            "tracking": {"wandb": {"mode": "disabled"}, "samples": {"max_new_tokens": 8}},
        },
        "baseline": "learned",
        "variants": {"learned": {}, "rope": {"model.position": {"kind": "rope"}}},
        "tune": {
            "trials": 4,
            "pruner": {"kind": "successive-halving"},
            "space": {"train.optimizer.lr": {"low": 1e-3, "high": 3e-2, "log": True}},
        },
        "confirm": {"min_seeds": 3, "max_seeds": 5, "margin": 0.002},
        "retries": retries,
        "execution": execution,
    }


@dataclass(frozen=True)
class Blow:
    """Comes `delay` seconds after the sweep has come to a share of its steps, or has started."""

    share: float
    at_start: bool
    delay: float
    level: str
    how: str
    seconds: float  # of sleep, or between two interrupts


def drawn(kills: int, *, seed: int) -> list[Blow]:
    rng = random.Random(seed)
    shares = sorted(rng.uniform(0, 1) for _ in range(kills))
    blows = []
    for number, share in enumerate(shares):
        level = list(LEVELS)[number % len(LEVELS)]
        how, at_start = rng.choice(LEVELS[level]), rng.random() < 0.25
        delay = rng.uniform(0, 5 if at_start else 0.2)
        seconds = rng.uniform(0.02, 0.5) if how == "SIGINT twice" else rng.uniform(0.3, 3)
        blows.append(Blow(share, at_start, delay, level, how, seconds))
    return blows


def strike(sweep: Sweep, blow: Blow, *, rng: random.Random) -> str:
    """Do it, and see the command through what it asks for; returns what happened, in words."""
    name, *twice = blow.how.split()
    level, victims = _hit(sweep, blow.level, signal.Signals[name], rng=rng)
    if twice or name == "SIGSTOP":
        time.sleep(blow.seconds)
        send(victims, signal.SIGINT if twice else signal.SIGCONT)
    done = f"{level} {blow.how}"
    if name == "SIGSTOP":
        return f"{done}, asleep for {blow.seconds:.1f} s"
    if level != "worker":
        ends = level != "fork server"
        sweep.wait(lambda: not sweep.is_alive, seconds=PATIENCE if ends else 3)
        if ends and sweep.is_alive:
            sweep.faults.append(f"the command went on for {PATIENCE} s after {done}")
            sweep.process.kill()
    goes_on = sweep.is_alive
    return f"{done}, " + ("the sweep goes on" if goes_on else f"it ended with {sweep.code}")


def _hit(
    sweep: Sweep, level: str, number: signal.Signals, *, rng: random.Random
) -> tuple[str, list[int]]:
    """Send a signal until somebody was there to get it: the level and the processes it came to.

    Where there is no worker any more, as all work is done, it comes to the supervisor.
    """
    victims: list[int] = []
    while not send(victims, number):
        if not sweep.wait(lambda at=level: bool(sweep.members(at)), seconds=PATIENCE):
            level = "supervisor"
            _go_on(sweep)
        victims = sweep.members(level)
        if level == "worker":
            victims = rng.sample(victims, min(1, len(victims)))
    return level, victims


def disturbed(sweep: Sweep, blows: Sequence[Blow], *, n_steps: int, seed: int) -> None:
    """Carry the sweep to its end through all blows."""
    rng, began = random.Random(f"{seed} victims"), time.monotonic()
    sweep.start()
    for number, blow in enumerate(blows, 1):
        _go_on(sweep)
        if not blow.at_start:
            sweep.wait(
                lambda due=blow.share: sum(sweep.watch.steps.values()) >= due * n_steps, seconds=600
            )
        due = (sweep.started if blow.at_start else time.monotonic()) + blow.delay
        sweep.wait(lambda due=due: time.monotonic() >= due, seconds=PATIENCE)
        _go_on(sweep)
        share = sum(sweep.watch.steps.values()) / n_steps
        came = strike(sweep, blow, rng=rng)
        console.print(
            f"{time.monotonic() - began:6.1f} s  kill {number}/{len(blows)} at {share:4.0%} of the "
            f"steps: {came}"
        )
    _go_on(sweep)
    sweep.wait(lambda: False, seconds=3600)
    while sweep.code != 0 and sweep.n_started < 3 * len(blows) + 10:
        _go_on(sweep)
        sweep.wait(lambda: False, seconds=3600)
    sweep.bury()


def _go_on(sweep: Sweep) -> None:
    """Give the same command again where it has ended, also where it is through."""
    if sweep.is_alive:
        return
    sweep.bury()
    if sweep.code in (1, 2):
        sweep.faults.append(f"the command ended with {sweep.code}")
    sweep.start()


def _write_corpus(path: Path) -> Path:
    path.write_text("".join(f"{i} and {i * i % 97} make {i + i * i % 97};\n" for i in range(1500)))
    return path


def _table(blows: Sequence[Blow]) -> Table:
    done = Counter((blow.level, blow.how) for blow in blows)
    table = Table("done to", *HOWS)
    for level in LEVELS:
        table.add_row(level, *(str(done[level, how] or "") for how in HOWS))
    return table


def chaos(folder: Path, *, kills: int, seed: int, workers: int, members: int = 0) -> list[str]:
    """Both sweeps, below `folder`; returns what is wrong, in words."""
    folder.mkdir(parents=True, exist_ok=True)
    corpus = _write_corpus(folder.absolute() / "corpus.txt")
    asked = question(corpus, steps=max(120, 12 * kills), retries=100, members=members)
    calm = Sweep(folder.absolute() / "calm", asked, workers=workers)
    calm.start()
    calm.wait(lambda: False, seconds=3600)
    calm.bury()
    if calm.code != 0:
        return [f"left in peace, it ended with {calm.code}: {calm.terminal.read_text()[-2000:]}"]
    n_steps = sum(calm.watch.steps.values())
    peace = time.monotonic() - calm.started
    console.print(f"left in peace: {len(calm.watch.results)} runs, {peace:.0f} s")
    sweep, blows = (
        Sweep(folder.absolute() / "killed", asked, workers=workers),
        drawn(kills, seed=seed),
    )
    since = time.monotonic()
    disturbed(sweep, blows, n_steps=n_steps, seed=seed)
    seconds, redone = time.monotonic() - since, sweep.watch.redone
    console.print(_table(blows))
    console.print(
        f"{seconds:.0f} s, the same command {sweep.n_started} times; steps were done again "
        f"{len(redone)} times, at most {max(redone, default=0)} at once, with a checkpoint every "
        f"{CHECKPOINT_EVERY}"
    )
    faults = [*sweep.faults, *sweep.watch.faults]
    if sweep.code != 0:
        return [*faults, f"it ended with {sweep.code}: {sweep.terminal.read_text()[-2000:]}"]
    if "Traceback" in sweep.terminal.read_text(errors="replace"):
        faults.append(f"there is a traceback in {sweep.terminal}")
    return [*faults, *differences(calm.folder, sweep.folder), *unfinished(sweep.folder)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--members", type=int, default=0, help="of a cohort; 0: each run alone")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave both sweeps here")
    given = parser.parse_args()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job is deaf to it
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        faults = chaos(
            folder,
            kills=given.kills,
            seed=given.seed,
            workers=given.workers,
            members=given.members,
        )
    for fault in faults:
        console.print(fault)
    console.print("DIFFERENT" if faults else "equal: nothing lost, nothing double")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
