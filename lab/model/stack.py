"""Many models of one architecture as one module with a leading axis of members.

Design choices:
- the plain model's own code runs: a copy of one member has each of its leaves, whatever holds
  parameters, replaced by a stacked one, and all between works on trailing axes alone;
- names stay: the stacked parameter (K, ...) is called what each member's own is called;
- a parameter that several leaves share is one stacked parameter, shared by them;
- what has parameters and is no known leaf is an error: it would be trained as member 0's alone.
"""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from lab.model.stacked import stacked_leaf


def stack(models: Sequence[nn.Module]) -> nn.Module:
    """A model of all these: (K, ...) in, (K, ...) out, member k as `models[k]` alone.

    Its parameters are new. Buffers are the first model's: they must be equal in all. Raises
    `TypeError` for a parameter outside the known leaves.
    """
    paths = [path for path, module in models[0].named_modules() if _own(module)]
    stacked = deepcopy(models[0])
    made: dict[tuple[int, ...], nn.Parameter] = {}
    for path in paths:
        plain, *others = [model.get_submodule(path) for model in models]
        own = {
            name: _joined([values, *(_own(other)[name] for other in others)], made)
            for name, values in _own(plain).items()
        }
        leaf = stacked_leaf(plain, own) if path else None
        left_out = own.keys() - (_own(leaf).keys() if leaf is not None else ())
        if leaf is None or left_out:
            raise TypeError(
                f"{path}.{min(left_out)}".lstrip(".")
                + f" is a parameter of {type(plain).__name__}, which cannot be stacked; "
                "put it into a layer of lab.model, or give lab.model.stacked a case for it"
            )
        stacked.set_submodule(path, leaf.train(plain.training))
    return stacked


def _joined(parts: Sequence[Tensor], made: dict[tuple[int, ...], nn.Parameter]) -> nn.Parameter:
    """A parameter of all members, made once for those that several layers share."""
    key = tuple(map(id, parts))
    if key not in made:
        values = torch.stack([part.detach() for part in parts])
        made[key] = nn.Parameter(values, requires_grad=parts[0].requires_grad)
    return made[key]


def _own(module: nn.Module) -> dict[str, Tensor]:
    """Parameters that a module holds itself."""
    return dict(module.named_parameters(recurse=False, remove_duplicate=False))
