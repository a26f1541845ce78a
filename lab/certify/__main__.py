"""`python -m lab.certify`: the same as `lab certify`."""

import sys

from lab.cli import main

sys.exit(main(["certify", *sys.argv[1:]]))
