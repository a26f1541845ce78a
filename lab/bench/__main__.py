"""`python -m lab.bench`: the same as `lab bench`."""

from lab.entry import entry

entry("bench")
