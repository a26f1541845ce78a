"""A finished run as an immutable folder: config, tokenizer, checkpoint, manifest."""
