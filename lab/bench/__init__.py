"""Benchmarks: how long what the lab does takes, beside what a user would pick instead.

Design choices:
- everything is measured against peers in the same process, in turn, and against a matrix product of
  the same precision: ratios and shares outlive a busy machine and a newer one, seconds do not;
- every row is a time, and less is better; a ratio below 1 says that ours is faster;
- a peer gets what its users get: its own defaults, where they change no result, and no handicap;
- what cannot be measured here has a row that says why, never a number.
"""
