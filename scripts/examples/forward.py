"""Token ids in, logits out: alone, with padding, piece by piece, and with a look inside.

python scripts/examples/forward.py
"""

import torch

from lab.config.model import ModelConfig
from lab.model.gpt import build_model

config = ModelConfig.parse(
    {"n_layers": 2, "n_heads": 4, "d_model": 64, "max_seq_len": 32, "position": {"kind": "alibi"}}
)
model = build_model(config, 65, seed=1).eval()
ids = torch.randint(65, (2, 10), generator=torch.Generator().manual_seed(0))

with torch.inference_mode():
    logits = model(ids)
    print("logits            ", tuple(logits.shape), "for ids", tuple(ids.shape))

    # The second text is three tokens shorter; what the padding holds does not matter.
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[1, 7:] = False
    alone = model(ids[1:, :7])
    print("with padding, apart by", (model(ids, mask)[1, :7] - alone[0]).abs().max().item())

    # Reading with a cache gives the same logits, and each token is computed once.
    cache = model.cache(rows=2, capacity=10)
    pieces = [model.logits(model.read(piece, cache)) for piece in ids.split([4, 5, 1], dim=1)]
    print("with a cache, apart by", (torch.cat(pieces, dim=1) - logits).abs().max().item())

    inside = model.inspect(ids)
    print("hidden states     ", len(inside.hidden), "of", tuple(inside.hidden[0].shape))
    print("attention weights ", len(inside.attention), "of", tuple(inside.attention[0].shape))
