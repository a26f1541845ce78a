"""`python -m lab.certify`: the same as `lab certify`."""

from lab.entry import entry

entry("certify")
