"""The statistics of comparisons: pure functions on arrays, nothing of the lab."""
