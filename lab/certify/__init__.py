"""Proofs that a model is what its config says, made before anything is compared."""
