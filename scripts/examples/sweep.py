"""Open a finished sweep in a script or a notebook: verdicts, tables, figures, every run.

python scripts/examples/sweep.py [FOLDER]
"""

# %% Verdicts are plain objects: a sentence, and the numbers behind it.
import sys
from pathlib import Path
from tempfile import mkdtemp

from lab import open_sweep

sweep = open_sweep(sys.argv[1] if len(sys.argv) > 1 else "experiments/posenc")
for verdict in (*sweep.verdicts(), *sweep.controls()):
    print(f"{verdict.kind}: {verdict.sentence}")

# %% The report's tables are pandas DataFrames, with every digit.
tables = sweep.tables()
print(f"\ntables: {', '.join(tables)}\n")
print(tables["results"].to_string(index=False))

# %% A row a run: whatever else you would like to ask.
runs = sweep.runs()
confirmed = runs[runs["phase"] == "confirm"]
if not confirmed.empty:
    print()
    print(confirmed.pivot(index="seed", columns="variant", values=sweep.question.endpoint))

# %% The report's figures are Matplotlib's; in a notebook, `%matplotlib inline` shows them.
folder = Path(mkdtemp(prefix="lab-example-"))
for name, figure in sweep.figures().items():
    figure.savefig(folder / f"{name}.png")
print(f"\ndrawn: {', '.join(sorted(path.name for path in folder.iterdir()))} in {folder}")
