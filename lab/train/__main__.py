"""`python -m lab.train`: the same as `lab train`."""

from lab.entry import entry

entry("train")
