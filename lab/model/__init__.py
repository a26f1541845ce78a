"""The model family: one idea a file, chosen by config, plain enough to be batched over runs."""
