"""What models read: corpora, tokenizers, token files cached by content, batches."""
