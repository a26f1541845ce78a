"""`python -m lab.sweep`: the same as `lab sweep`."""

from lab.entry import entry

entry("sweep")
