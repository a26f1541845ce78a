"""`python -m lab.sweep`: the same as `lab sweep`."""

import sys

from lab.cli import main

sys.exit(main(["sweep", *sys.argv[1:]]))
