"""Training: any module, any source of batches; resumable to the byte."""
