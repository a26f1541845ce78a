"""Fixed tables: exact in any precision, on any device, never saved, and as long as is asked."""

import copy

import pytest
import torch
from torch import Tensor

from lab.model.gpt import GPT, build_model
from lab.model.table import Table
from tests.model.configs import POSITIONS, VOCAB, config_of, random_ids, scrambled

THIRD = 1 / 3  # no precision has it


def thirds(length: int) -> Tensor:
    return torch.arange(length, dtype=torch.float64)[:, None] * THIRD


def tables(model: GPT) -> list[Table]:
    return [module for module in model.modules() if isinstance(module, Table)]


def test_rows_are_rounded_once_from_float64() -> None:
    table = Table(thirds, 5)
    assert table.rows.dtype == torch.float32
    for dtype in (torch.bfloat16, torch.float64, torch.float16, torch.float32, torch.float64):
        assert torch.equal(table.to(dtype).rows, thirds(5).to(dtype))  # not through what was before


def test_rows_come_as_they_are_asked_for() -> None:
    table = Table(thirds, 3).double()
    assert torch.equal(table.first(2), thirds(2))
    asked = torch.tensor([[2, 0]])
    assert torch.equal(table.at(asked, length=3), thirds(3)[asked])
    assert len(table.rows) == 3
    assert torch.equal(table.first(8), thirds(8))
    assert len(table.rows) == 8
    table.first(9)
    assert len(table.rows) == 16  # twice as many, so that growing is rare
    assert torch.equal(table.float().rows, thirds(16).float())


def test_what_grew_without_gradients_serves_training() -> None:
    table = Table(thirds, 3)
    with torch.inference_mode():
        table.first(6)
        moved = table.double()
    assert not moved.rows.is_inference()
    weight = torch.ones(1, requires_grad=True, dtype=torch.float64)
    (moved.first(6) * weight).sum().backward()
    assert weight.grad is not None


@pytest.mark.parametrize("name", POSITIONS)
def test_a_model_has_its_tables_anywhere(name: str) -> None:
    """Made without memory, moved, copied: the same function as where it was made."""
    config = config_of(position=POSITIONS[name])
    model, ids = scrambled(build_model(config, VOCAB, seed=0)), random_ids(2, 11)
    logits = model(ids)
    with torch.device("meta"):
        empty = GPT(config, VOCAB)
    assert all(table.rows.is_meta for table in tables(empty))
    assert empty(ids.to("meta")).shape == logits.shape
    filled = empty.to_empty(device="cpu").double().eval()
    filled.load_state_dict(model.state_dict())
    assert torch.equal(filled(ids), logits)
    assert torch.equal(copy.deepcopy(model)(ids), logits)
    there_and_back = copy.deepcopy(model).half().double()
    there_and_back.load_state_dict(model.state_dict())
    assert torch.equal(there_and_back(ids), logits)


def test_a_copy_grows_alone() -> None:
    model = GPT(config_of(position={"kind": "rope"}), VOCAB)
    other = copy.deepcopy(model)
    other(random_ids(1, 30))
    assert [len(table.rows) for table in tables(model)] == [11]
    assert [len(table.rows) for table in tables(other)] == [30]


def test_tables_are_not_saved() -> None:
    model = GPT(config_of(position={"kind": "rope"}), VOCAB)
    assert tables(model)
    assert model.state_dict().keys() == {
        name for name, _ in model.named_parameters(remove_duplicate=False)
    }
    model.load_state_dict(model.state_dict(), strict=True)
