"""`python -m lab`: the same as `lab`."""

from lab.entry import entry

entry()
