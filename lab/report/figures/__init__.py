"""The figures of a report, a file each. A figure that has nothing to show is None."""
