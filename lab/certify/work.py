"""The work of a pass: the floating-point operations of the matrix products in it.

Design choices:
- PyTorch's own formulas, operation by operation, and none of what its counter imports beside them:
  it is never compiled, so its compiler (1.2 s) is not asked to keep away from it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


def operations(compute: Callable[[], object]) -> int:
    """How many floating-point operations a function takes; a multiply and an add are two."""
    counter = _Counter()  # type: ignore[no-untyped-call]
    with counter:
        compute()
    return counter.total


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    total: int = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        formula = flop_registry.get(func._overloadpacket)
        if formula is None:
            with self:
                parts = func.decompose(*args, **given)
            return func(*args, **given) if parts is NotImplemented else parts
        result = func(*args, **given)
        self.total += formula(*args, **given, out_val=result)
        return result
