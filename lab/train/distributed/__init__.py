"""One run trained by several processes at once."""
