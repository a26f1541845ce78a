"""The work of a pass, against PyTorch's own counter."""

import torch
from hypothesis import given, settings
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lab.certify.work import operations
from lab.config.model import ModelConfig
from lab.model.gpt import GPT
from tests.model.configs import VOCAB, model_configs


@settings(deadline=None, max_examples=20, database=None)
@given(config=model_configs())
def test_it_counts_what_pytorch_counts(config: ModelConfig) -> None:
    model, ids = GPT(config, VOCAB), torch.zeros(2, config.max_seq_len, dtype=torch.int64)
    with sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        with FlopCounterMode(display=False) as counter:
            model(ids)
        assert operations(lambda: model(ids)) == counter.get_total_flops() > 0


def test_a_product_of_matrices_is_counted_also_where_it_is_hidden() -> None:
    """`linear` is one operation where nothing is to be differentiated: a product all the same."""
    layer, x = torch.nn.Linear(5, 7), torch.ones(3, 5)
    for mode in (torch.inference_mode, torch.no_grad, torch.enable_grad):
        with mode():
            assert operations(lambda: layer(x)) == 2 * 3 * 5 * 7
