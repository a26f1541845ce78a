"""Packages to and from the folders of Hugging Face's transformers, without needing transformers.

`export` writes what `AutoModelForCausalLM` and `AutoTokenizer` load with no remote code; `adopt`
reads a folder of GPT-2's or Llama's kind. Both go through `parts`, a model's parameters by their
role, and an architecture says in `catalogue` which models it can express and how it stores them.
"""
