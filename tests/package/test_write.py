import hashlib
import json
import os
import re
import stat

import pytest
import torch
from safetensors.torch import load_file

from lab.config.run import RunConfig
from lab.config.yaml12 import load_yaml
from lab.errors import PackageError
from lab.package.layout import MAX_BYTES
from lab.package.manifest import read_manifest
from lab.package.verify import verify

FILES = {
    *("config.yaml", "tokenizer.json", "model.safetensors", "metrics.csv", "provenance.json"),
    "manifest.json",
}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_package_is_six_files_and_nothing_beside_it(written):
    assert contents(written).keys() == FILES
    assert [path.name for path in written.parent.iterdir()] == [written.name]
    for path in written.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert written.stat().st_mode & 0o055 == 0o055 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_the_files_are_what_they_were_written_from(parts, written):
    text = (written / "config.yaml").read_text()
    assert RunConfig.parse(load_yaml(text, source="")) == parts.config
    assert (written / "tokenizer.json").read_text() == parts.tokenizer.to_json()
    assert (written / "metrics.csv").read_bytes() == parts.metrics_csv.read_bytes()


def test_the_manifest_states_the_facts(parts, written):
    raw = json.loads((written / "manifest.json").read_bytes())
    assert raw["schema_version"] == 2
    assert raw["status"] == "complete"
    assert raw["run"] == "learned-1-0123abcd"
    assert raw["digest"] == "d" * 64
    assert raw["seed"] == parts.config.seed
    assert raw["vocab_size"] == parts.tokenizer.vocab_size
    assert raw["n_params"] == sum(p.numel() for p in parts.model.parameters())
    assert raw["flops_per_token"] == parts.config.model.flops_per_token(raw["vocab_size"])
    assert raw["metrics"] == {"val/loss": 2.5, "val/bpb": 3.0}
    assert raw["labels"]["variant"] == "learned"
    assert raw["provenance"]["cores"] == 2
    assert raw["data"] == {
        "corpus_digest": "c" * 64,
        "digest": "e" * 64,
        "tokenizer_digest": parts.tokenizer.digest,
    }
    assert raw["files"] == {
        name: {
            "bytes": len(content := (written / name).read_bytes()),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name in FILES - {"manifest.json"}
    }


def test_the_manifest_is_canonical_and_hashes_itself(written, write_manifest, tmp_path):
    raw = json.loads((written / "manifest.json").read_bytes())
    del raw["sha256"]
    write_manifest(tmp_path / "again.json", raw)
    assert (tmp_path / "again.json").read_bytes() == (written / "manifest.json").read_bytes()


def test_weights_are_the_parameters_alone_in_float32_and_a_tied_one_once(make_parts, tmp_path):
    for tied in (True, False):
        parts = make_parts(tie_embeddings=tied, position={"kind": "rope"})
        parts.model.bfloat16()
        folder = parts.write(tmp_path / f"tied-{tied}")
        tensors = load_file(folder / "model.safetensors")
        parameters = dict(parts.model.named_parameters())
        assert tensors.keys() == parameters.keys()
        assert ("head.weight" in tensors) is not tied
        for name, tensor in tensors.items():
            assert tensor.dtype == torch.float32
            assert tensor.equal(parameters[name].detach().float())


def test_the_same_run_packaged_again_has_the_same_bytes(make_parts, tmp_path):
    folders = [make_parts().write(tmp_path / name) for name in ("one", "two")]
    assert contents(folders[0]) == contents(folders[1])


def test_writing_the_same_package_twice_keeps_the_first(parts, package):
    before = {path.name: path.stat().st_ino for path in package.iterdir()}
    assert parts.write(package) == package
    later = read_manifest(package / "manifest.json").provenance.dump() | {"git_commit": "abc"}
    assert parts.write(package, provenance=later) == package
    assert {path.name: path.stat().st_ino for path in package.iterdir()} == before
    assert [path.name for path in package.parent.iterdir()] == [package.name]


@pytest.mark.parametrize(
    "change", [{"run": "another"}, {"metrics": {"val/loss": 2.6}}, {"labels": {}}]
)
def test_another_package_is_not_overwritten(parts, package, change):
    before = contents(package)
    with pytest.raises(PackageError, match=r"another one of run 'learned-1-0123abcd' stands.*move"):
        parts.write(package, **change)
    assert contents(package) == before
    assert [path.name for path in package.parent.iterdir()] == [package.name]


def test_the_same_run_with_other_weights_is_not_overwritten(make_parts, package):
    parts = make_parts()
    with torch.no_grad():
        parts.model.final_norm.weight[0] += 1
    with pytest.raises(PackageError, match="packages are never overwritten"):
        parts.write(package)


def test_a_damaged_package_and_a_foreign_folder_are_not_overwritten(parts, package, tmp_path):
    (package / "metrics.csv").unlink()
    with pytest.raises(PackageError, match=r"something else stands.*metrics.csv is missing"):
        parts.write(package)
    (tmp_path / "thesis").mkdir()
    with pytest.raises(PackageError, match=r"something else stands.*manifest.json is missing"):
        parts.write(tmp_path / "thesis")
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(PackageError, match="something else stands"):
        parts.write(tmp_path / "dangling")
    assert not (tmp_path / "nowhere").exists()


def test_a_failure_leaves_nothing(parts, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr("lab.package.weights.save_file", full)
    with pytest.raises(OSError, match="disk full"):
        parts.write(tmp_path / "posenc" / "run")
    assert list((tmp_path / "posenc").iterdir()) == []


def test_what_a_killed_writer_left_is_cleared(parts, tmp_path):
    left = tmp_path / ".run.partial"
    left.mkdir()
    (left / "junk").write_text("half a file")
    parts.write(tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    verify(tmp_path / "run")


def test_a_package_shows_up_whole(parts, tmp_path, monkeypatch):
    """At every file that is put in its place, the package itself is not there yet."""
    replace, seen = os.replace, []

    def watched(self, target):
        seen.append((tmp_path / "run").exists())
        return replace(self, target)

    monkeypatch.setattr("pathlib.Path.replace", watched)
    parts.write(tmp_path / "run")
    assert seen == [False] * 6


def test_a_file_that_no_reader_would_accept_is_refused(parts, tmp_path, monkeypatch):
    monkeypatch.setitem(MAX_BYTES, "metrics.csv", 5)
    sentence = r"metrics.csv of .*run would have 28 bytes, .* at most 5; log less often"
    with pytest.raises(PackageError, match=sentence):
        parts.write(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_another_config_is_a_defect_of_the_caller(parts, make_parts, tmp_path):
    other = make_parts(n_layers=1)
    with pytest.raises(AssertionError, match=re.escape("parameters where the config describes")):
        parts.write(tmp_path / "run", model=other.model)
