"""`python -m lab.train`: the same as `lab train`."""

import sys

from lab.cli import main

sys.exit(main(["train", *sys.argv[1:]]))
