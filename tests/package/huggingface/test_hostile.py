"""Folders of transformers made to do harm: refused in a sentence that names the file."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from lab.errors import PackageError
from lab.package.huggingface.adopt import adopt_folder
from lab.package.huggingface.export import export_package
from lab.package.read import load_package

FILES = ("config.json", "tokenizer.json", "model.safetensors")
SETTINGS = ("tokenizer_config.json", "generation_config.json")
SHAPE = {"bias": True, "norm": {"kind": "layernorm"}, "n_layers": 1}


@pytest.fixture(scope="module")
def exported(make_package: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exported")
    export_package(make_package(place / "package", tokenizer="bpe", **SHAPE), to=place / "gpt2")
    return place / "gpt2"


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "theirs"))


def refused(folder: Path) -> str:
    target = folder.parent / "package"
    with pytest.raises(PackageError) as caught:
        adopt_folder(folder, to=target)
    assert not target.exists()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000
    return str(caught.value)


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt", "weights.pkl"])
def test_a_pickle_is_refused_by_its_name(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    assert f"as a pickle, '{name}', which may run code and is never loaded" in refused(folder)


def test_a_pickle_beside_the_weights_is_passed_over(folder: Path, tmp_path: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n")
    (folder / "modeling_theirs.py").write_text("raise SystemExit('was run')")
    assert adopt_folder(folder, to=tmp_path / "package").status == "adopted"


def test_code_of_their_own_is_refused(folder: Path) -> None:
    change(folder / "config.json", auto_map={"AutoModelForCausalLM": "modeling_theirs.Theirs"})
    (folder / "modeling_theirs.py").write_text("raise SystemExit('was run')")
    assert "auto_map names code of the folder's own, which is never run here" in refused(folder)


@pytest.mark.parametrize("name", [*FILES, *SETTINGS])
def test_a_link_out_of_the_folder_is_not_followed(folder: Path, name: str) -> None:
    (folder / name).rename(folder.parent / "elsewhere")
    (folder / name).symlink_to("../elsewhere")
    said = refused(folder)
    assert f"{name} is a link that leads out of its folder" in said


@pytest.mark.parametrize("name", ["../elsewhere.safetensors", "/etc/hostname", "..", ""])
def test_shards_lie_in_the_folder(folder: Path, name: str) -> None:
    shutil.copy(folder / "model.safetensors", folder.parent / "elsewhere.safetensors")
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"transformer.wte.weight": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "model.safetensors.index.json" in refused(folder)


def test_a_shard_that_is_a_link_out_is_not_followed(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder.parent / "elsewhere")
    (folder / "a.safetensors").symlink_to("../elsewhere")
    index = {"weight_map": {"transformer.wte.weight": "a.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "a.safetensors is a link that leads out of its folder" in refused(folder)


def test_the_cache_of_the_hub_is_made_of_links_and_is_adopted(folder: Path, tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "models--x" / "blobs", tmp_path / "models--x" / "snapshots" / "1a"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(blobs / f"{number}")
        (snapshot / path.name).symlink_to(Path("..", "..", "blobs", f"{number}"))
    adopt_folder(snapshot, to=tmp_path / "package")
    origin = load_package(tmp_path / "package").config.origin
    assert list(origin.weights) == ["model.safetensors"]


@pytest.mark.parametrize("name", FILES)
def test_a_pipe_is_no_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert f"holds no {name}" in refused(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", *SETTINGS])
def test_endless_and_deep_files_are_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("[" * 200_000)
    assert name in refused(folder)
    with (folder / name).open("r+b") as file:
        file.truncate(2**34)
    assert f"{name} has 17179869184 bytes, and such a file at most" in refused(folder)


def test_weights_that_no_memory_holds_are_refused_unread(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.package.weights.memory", lambda: 1000)
    assert "and this machine has 1,000 bytes of memory" in refused(folder)


def test_a_header_that_lies_is_refused(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    for lie in ((2**63).to_bytes(8, "little"), (2**20).to_bytes(8, "little")):
        (folder / "model.safetensors").write_bytes(lie + content[8:])
        assert "model.safetensors is not a safetensors file" in refused(folder)


def test_a_vocabulary_is_not_filled_up_without_end(folder: Path) -> None:
    tensors, size = load_file(folder / "model.safetensors"), 300_000
    tensors["transformer.wte.weight"] = torch.zeros(size, 30)
    save_file(tensors, folder / "model.safetensors")
    change(folder / "config.json", vocab_size=size)
    assert "more than 65536 tokens that mean nothing are not filled in" in refused(folder)


def test_a_tokenizer_that_pads_without_end_pads_nothing(folder: Path, tmp_path: Path) -> None:
    padding = {"strategy": {"Fixed": 10**12}, "direction": "Right", "pad_to_multiple_of": None}
    padding |= {"pad_id": 0, "pad_type_id": 0, "pad_token": "x"}
    change(folder / "tokenizer.json", padding=padding)
    adopt_folder(folder, to=tmp_path / "package")
    tokenizer = load_package(tmp_path / "package").tokenizer
    assert tokenizer.decode(tokenizer.encode("The cat")) == "The cat"


ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
JSON = st.recursive(
    ODD | st.sampled_from([0, -1, 2**31, 2**63, 10**30, "gelu", "llama", "relu"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@settings(
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), name=st.sampled_from(["config.json", *SETTINGS]))
def test_whatever_settings_say_they_are_adopted_or_refused(data, name, exported, folder) -> None:
    raw = json.loads((exported / name).read_text())
    key = data.draw(st.sampled_from([*raw, "num_key_value_heads", "eos_token_id", "n_inner"]))
    change(folder / name, **{key: data.draw(JSON)})
    said = ""
    try:
        adopt_folder(folder, to=folder.parent / "package")
    except PackageError as error:
        said = str(error)
    finally:
        shutil.copy(exported / name, folder / name)
        shutil.rmtree(folder.parent / "package", ignore_errors=True)
    assert said.isprintable()
