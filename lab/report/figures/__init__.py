"""The figures of a search, a file each. A figure that has nothing to show is None."""
