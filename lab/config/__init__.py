"""What a run or a sweep is, as frozen and strict data. Nothing here imports torch."""
