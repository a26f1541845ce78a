"""`python -m lab.report`: the same as `lab report`."""

from lab.entry import entry

entry("report")
