"""What stopping early saves: shipped questions judged after every seed, and once after all.

    python scripts/stop_early.py [--to FOLDER] [--max-seeds 20] [--margin 0.01] [QUESTION ...]

Each question is swept with `test: anytime`; a copy of that folder is then swept with `test: fixed`,
which trains what is missing of the fixed design. The last page compares them: runs spent, and
whether the verdicts agree. The same command continues what was interrupted.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
QUESTIONS = ("posenc", "norm", "mlp")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("questions", nargs="*", default=QUESTIONS, metavar="QUESTION")
    parser.add_argument("--to", type=Path, default=Path("experiments/stop-early"))
    parser.add_argument("--max-seeds", type=int, default=20)
    parser.add_argument("--margin", type=float, default=0.01)
    asked = parser.parse_args()
    rules = [f"confirm.max_seeds={asked.max_seeds}", f"confirm.margin={asked.margin}"]
    anytime, fixed = (asked.to.absolute() / name for name in ("anytime", "fixed"))
    for question in asked.questions:
        sweep(question, rules, into=anytime)
        for part in ("experiments", "artifacts"):
            if not (fixed / part / question).exists():
                shutil.copytree(anytime / part / question, fixed / part / question, symlinks=True)
        sweep(question, [*rules, "confirm.test=fixed", "confirm.min_seeds=null"], into=fixed)
    folders = [str(base / "experiments" / q) for base in (anytime, fixed) for q in asked.questions]
    lab("report", *folders, "--to", str(asked.to.absolute() / "report"))


def sweep(question: str, overrides: list[str], *, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    sets = [word for override in overrides for word in ("--set", override)]
    lab("sweep", str(ROOT / "configs" / f"{question}.yaml"), *sets, into=into)


def lab(command: str, *words: str, into: Path | None = None) -> None:
    subprocess.run([sys.executable, "-m", f"lab.{command}", *words], cwd=into, check=True)


if __name__ == "__main__":
    main()
