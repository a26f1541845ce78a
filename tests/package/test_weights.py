import json
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file

from lab.config.model import ModelConfig
from lab.errors import PackageError
from lab.model.gpt import build_model
from lab.package.weights import load_model, save_weights

V = 13
CONFIG = {"n_layers": 2, "n_heads": 2, "d_model": 8, "max_seq_len": 16}


def config_of(**changes) -> ModelConfig:
    return ModelConfig.parse(CONFIG | changes)


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "model.safetensors"
    save_weights(path, build_model(config_of(), V, seed=1))
    return path


def edited(path, edit):
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path)
    return path


@pytest.mark.parametrize("tied", [True, False])
def test_every_variant_computes_the_same_bits(tmp_path, family, tied):
    shape = {"n_heads": 4, "d_model": 32}
    config = config_of(**shape, **family, tie_embeddings=tied, bias=True, dropout=0.1)
    model = build_model(config, V, seed=3).eval()
    save_weights(tmp_path / "w", model)
    loaded = load_model(tmp_path / "w", config, V)
    ids = torch.arange(12)[None] % V
    assert loaded(ids).equal(model(ids))
    assert (loaded.head.weight is loaded.embedding.weight) is tied
    assert not loaded.training
    assert all(parameter.requires_grad for parameter in loaded.parameters())


def test_equal_parameters_give_equal_bytes(tmp_path):
    for name in ("one", "two"):
        save_weights(tmp_path / name, build_model(config_of(), V, seed=1))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_loading_draws_no_global_random_numbers(weights):
    before = torch.get_rng_state()
    load_model(weights, config_of(), V)
    assert torch.get_rng_state().equal(before)


def test_a_missing_tensor_is_named(weights):
    edited(weights, lambda tensors: tensors.pop("embedding.weight"))
    with pytest.raises(PackageError, match=r"embedding\.weight is missing"):
        load_model(weights, config_of(), V)


def test_an_extra_tensor_is_named(weights):
    edited(weights, lambda tensors: tensors.update(head=torch.zeros(3)))
    with pytest.raises(PackageError, match="'head' is no parameter of it"):
        load_model(weights, config_of(), V)


def test_a_tensor_of_another_shape_is_named(weights):
    edited(weights, lambda tensors: tensors.update({"embedding.weight": torch.zeros(8, V)}))
    with pytest.raises(PackageError, match=r"embedding\.weight has shape \[8, 13\], not \[13, 8\]"):
        load_model(weights, config_of(), V)


def test_a_tensor_of_another_type_is_refused(weights):
    edited(weights, lambda t: t.update({"embedding.weight": t["embedding.weight"].half()}))
    with pytest.raises(PackageError, match="holds F16, F32, not F32 alone"):
        load_model(weights, config_of(), V)


@pytest.mark.parametrize(
    "change", [{"d_model": 10}, {"n_layers": 1}, {"max_seq_len": 17}, {"mlp": {"kind": "swiglu"}}]
)
def test_the_model_of_another_config_is_refused(weights, change):
    with pytest.raises(PackageError, match="not of one run"):
        load_model(weights, config_of(**change), V)


def test_another_vocabulary_is_refused(weights):
    with pytest.raises(PackageError, match=r"embedding\.weight has shape \[13, 8\], not \[14, 8\]"):
        load_model(weights, config_of(), V + 1)


@pytest.mark.parametrize(
    "change",
    [
        {"n_layers": 1000},
        {"n_layers": 1000, "d_model": 1, "n_heads": 1},  # few numbers, endless modules
        {"d_model": 2**17},
        {"max_seq_len": 2**24},
        {"max_seq_len": 2**24, "d_model": 64, "position": {"kind": "sinusoidal"}},
        {"max_seq_len": 2**24, "d_model": 64, "position": {"kind": "rope"}},
        {"mlp": {"kind": "gelu", "d_ff": 10**6}},
    ],
)
def test_a_config_that_asks_for_the_moon_gets_no_memory(weights, change, monkeypatch):
    monkeypatch.setattr("lab.package.weights.GPT", lambda *_: pytest.fail("was built"))
    with pytest.raises(PackageError, match=r"not of one run|may have [0-9,]+ bytes at most"):
        load_model(weights, config_of(**change), V)


def safetensors(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def tensor(shape: list[int], offsets: list[int]) -> bytes:
    entry = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
    return json.dumps({"embedding.weight": entry}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95",  # the beginning of a pickle
        b"PK\x03\x04" + b"\0" * 40,  # of torch.save's archive
        safetensors(b"{"),
        safetensors(b"[" * 100_000),
        struct.pack("<Q", 2**63) + b"{}",
        safetensors(tensor([2**62, 2**62], [0, 4]), b"\0" * 4),
        safetensors(tensor([10**9], [0, 4 * 10**9]), b"\0" * 4),
        safetensors(tensor([1], [4, 0]), b"\0" * 4),
        safetensors(tensor([1], [0, 4]), b"\0" * 99),
    ],
)
def test_a_file_that_is_not_safetensors_is_refused(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(PackageError, match="is not a safetensors file"):
        load_model(path, config_of(), V)


def test_no_tensors_at_all_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors(b"{}"))
    with pytest.raises(PackageError, match="holds 0 numbers in 0 tensors"):
        load_model(path, config_of(), V)
