"""`python -m lab.report`: the same as `lab report`."""

import sys

from lab.cli import main

sys.exit(main(["report", *sys.argv[1:]]))
