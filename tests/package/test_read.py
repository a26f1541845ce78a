import dataclasses
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import lab
from lab.decode.generate import generate
from lab.decode.sampling import Sampling
from lab.errors import ConfigError, PackageError
from lab.package.manifest import read_manifest
from lab.package.read import load_package

ROOT = Path(lab.__file__).parents[1]


@pytest.fixture(scope="module")
def loaded(written):
    return load_package(written)


def test_the_round_trip_keeps_every_part(parts, written, loaded):
    assert loaded.folder == written
    assert loaded.config == parts.config
    assert loaded.tokenizer.to_json() == parts.tokenizer.to_json()
    assert loaded.manifest == read_manifest(written / "manifest.json")


def test_the_model_computes_the_same_bits_in_evaluation_mode(parts, loaded):
    ids = torch.tensor([parts.tokenizer.encode("The cat sat")])
    parts.model.eval()
    assert loaded.model(ids).equal(parts.model(ids))
    assert not any(module.training for module in loaded.model.modules())


def test_a_package_is_frozen(loaded):
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.folder = Path()


def test_the_public_name_is_the_same_function():
    assert lab.load_package is load_package


@pytest.mark.parametrize("kind", ["char", "bpe"])
def test_the_text_is_what_generate_and_the_tokenizer_say(make_parts, tmp_path, kind):
    parts = make_parts(tokenizer=kind)
    if kind == "char":  # letters likely, the tokens of single bytes not among the top
        with torch.no_grad():
            parts.model.embedding.weight[:-256] *= 100
            parts.model.embedding.weight[-256:] = 0
    package = load_package(parts.write(tmp_path / "run"))
    ids = generate(
        parts.model,
        torch.tensor(parts.tokenizer.encode_prompt("The ")),
        max_new_tokens=40,
        sampling=Sampling(0.7, top_k=8, top_p=0.9, min_p=0.01),
        seed=5,
        stop_ids=[] if parts.tokenizer.eos_id is None else [parts.tokenizer.eos_id],
    ).tolist()
    settings = {"temperature": 0.7, "top_k": 8, "top_p": 0.9, "min_p": 0.01, "seed": 5}
    text = package.generate("The ", max_new_tokens=40, **settings)
    assert _without_bad_bytes(text) == _without_bad_bytes(parts.tokenizer.decode(ids))
    assert "".join(package.stream("The ", max_new_tokens=40, **settings)) == text
    assert len(text) > 10
    assert package.generate("The ", max_new_tokens=40, **settings | {"seed": 6}) != text


def _without_bad_bytes(text: str) -> str:
    return text.replace("\ufffd", "")


def test_greedy_text_needs_no_seed(loaded):
    texts = {loaded.generate("The", max_new_tokens=20, temperature=0, seed=s) for s in range(3)}
    assert len(texts) == 1


def test_text_ends_where_the_model_ends_the_document(make_parts, tmp_path):
    parts = make_parts(tokenizer="bpe", tie_embeddings=False)
    with torch.no_grad():
        parts.model.final_norm.weight.zero_()  # equal logits, and the first ids are BOS and EOS
    assert parts.tokenizer.eos_id == 1
    package = load_package(parts.write(tmp_path / "run"))
    assert package.generate("The", max_new_tokens=9, temperature=0) == ""
    text = package.generate("The", max_new_tokens=2000, seed=1)
    assert 0 < len(text) < 1800
    assert "<|" not in text


def test_a_prompt_of_letters_never_seen_is_continued(loaded):
    assert loaded.generate("日本語 🙂", max_new_tokens=5)


def test_an_empty_prompt_is_refused_where_there_is_no_bos(loaded):
    with pytest.raises(ConfigError, match="give at least one character"):
        loaded.stream("")


def test_a_setting_out_of_range_is_refused_at_once(loaded):
    with pytest.raises(ConfigError, match=r"top_p=1\.5"):
        loaded.stream("The", top_p=1.5)


def test_a_device_that_is_not_there_is_refused(written):
    for device in ("cuda:99", "abacus"):
        with pytest.raises(ConfigError, match=f"device '{device}' cannot be used .* try cpu"):
            load_package(written, device=device)


def test_a_damaged_package_is_refused_before_anything_is_used(package, monkeypatch):
    (package / "metrics.csv").write_text("step,val/loss\n0,5.5\n100,0.5\n")
    for used in ("read_config", "_tokenizer", "load_model"):
        monkeypatch.setattr(f"lab.package.read.{used}", lambda *_: pytest.fail("was used"))
    with pytest.raises(PackageError, match=r"metrics\.csv does not match the sha256"):
        load_package(package)


def test_a_package_loads_wherever_it_was_moved_and_from_any_folder(
    parts, package, tmp_path, monkeypatch
):
    (tmp_path / "far" / "away").mkdir(parents=True)
    shutil.move(package, tmp_path / "far" / "away" / "renamed")
    monkeypatch.chdir(tmp_path / "far")
    moved = load_package(Path("away") / "renamed")
    ids = torch.tensor([[1, 2, 3]])
    assert moved.model(ids).equal(parts.model.eval()(ids))


def test_files_of_two_runs_do_not_make_a_package(package, make_parts, reseal, tmp_path):
    other = make_parts(seed=2, d_model=16).write(tmp_path / "other")
    shutil.copy(other / "config.yaml", package / "config.yaml")
    with pytest.raises(
        PackageError, match=r"config\.yaml has .* bytes|config\.yaml does not match"
    ):
        load_package(package)
    reseal(package)
    with pytest.raises(PackageError, match=r"the seed of config\.yaml is 2, but .* states 1"):
        load_package(package)
    reseal(package, lambda raw: raw.update(seed=2))
    with pytest.raises(PackageError, match=r"the parameter count of config\.yaml is"):
        load_package(package)
    reseal(package, lambda raw: raw.update(n_params=read_manifest_params(other)))
    with pytest.raises(PackageError, match=r"model\.safetensors does not fit config\.yaml"):
        load_package(package)


def read_manifest_params(folder: Path) -> int:
    return json.loads((folder / "manifest.json").read_bytes())["n_params"]


def test_the_tokenizer_of_another_run_is_refused(package, make_parts, reseal, tmp_path):
    other = make_parts(tokenizer="bpe").write(tmp_path / "other")
    shutil.copy(other / "tokenizer.json", package / "tokenizer.json")
    reseal(package)
    with pytest.raises(PackageError, match=r"vocabulary size of tokenizer\.json is \d+, but"):
        load_package(package)


def test_a_tokenizer_of_the_same_size_is_told_by_its_digest(package, reseal):
    reseal(package, lambda raw: raw["data"].update(tokenizer_digest="7" * 64))
    with pytest.raises(PackageError, match=r"digest of tokenizer\.json is [0-9a-f]{64}, but"):
        load_package(package)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"a":' * 100_000, b"[" * 100_000])
def test_a_file_that_is_no_tokenizer_is_refused(package, reseal, content):
    (package / "tokenizer.json").write_bytes(content)
    reseal(package)
    with pytest.raises(PackageError, match=r"tokenizer\.json cannot be used"):
        load_package(package)


def test_a_config_with_a_tag_is_refused(package, reseal, tmp_path):
    attack = f"seed: !!python/object/apply:os.mkdir ['{tmp_path}/owned']\n"
    (package / "config.yaml").write_text(attack)
    reseal(package)
    with pytest.raises(PackageError, match="tags, anchors and aliases have no place"):
        load_package(package)
    assert not (tmp_path / "owned").exists()


def test_a_pickle_is_never_read(package, reseal, parts, monkeypatch):
    for owner, name in [
        (pickle, "load"),
        (pickle, "loads"),
        (pickle, "Unpickler"),
        (torch, "load"),
    ]:
        monkeypatch.setattr(owner, name, lambda *_, **__: pytest.fail("a pickle was read"))
    assert load_package(package).model is not None
    torch.save(parts.model.state_dict(), package / "model.safetensors")
    reseal(package)
    with pytest.raises(PackageError, match="is not a safetensors file"):
        load_package(package)


def test_no_source_of_a_package_names_pickle_or_torch_load():
    for path in (ROOT / "lab" / "package").glob("*.py"):
        text = path.read_text()
        assert "pickle" not in text, path
        assert "torch.load" not in text, path


def test_loading_and_generating_need_no_network(written, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("went to the network"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("asked for a name"))
    assert load_package(written).generate("The ", max_new_tokens=2)


def test_another_process_in_another_folder_writes_the_same_text(written, loaded, tmp_path):
    code = (
        "import sys; from lab import load_package;"
        "text = load_package(sys.argv[1]).generate('The ', max_new_tokens=30, seed=4);"
        "sys.stdout.buffer.write(text.encode())"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code, written],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.stdout.decode() == loaded.generate("The ", max_new_tokens=30, seed=4)
    assert list(tmp_path.iterdir()) == []


def test_loading_and_generating_draw_no_global_random_numbers(written):
    before = torch.get_rng_state()
    load_package(written).generate("The ", max_new_tokens=3)
    assert torch.get_rng_state().equal(before)
