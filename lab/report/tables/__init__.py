"""The tables of a report, a file each. A table that has nothing to show is None."""
