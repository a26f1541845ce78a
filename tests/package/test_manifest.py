import json
import subprocess
import sys

import pytest
from pydantic import ValidationError

from lab.errors import PackageError
from lab.package.layout import MAX_BYTES
from lab.package.manifest import Manifest, read_manifest, sealed


@pytest.fixture
def manifest(package):
    return package / "manifest.json"


@pytest.fixture
def raw(manifest):
    content = json.loads(manifest.read_bytes())
    del content["sha256"]
    return content


def test_reading_gives_what_was_sealed(manifest, raw):
    read = read_manifest(manifest)
    assert read == sealed(raw)
    assert read.to_json() == manifest.read_text()
    assert read.provenance.threads == 1
    assert read.provenance.dump()["cores"] == 2
    assert read.files["metrics.csv"].bytes == 28


def test_is_frozen(manifest):
    with pytest.raises(ValidationError, match="frozen"):
        read_manifest(manifest).seed = 2


def test_any_changed_byte_is_found(manifest):
    content = manifest.read_bytes()
    for position in range(len(content)):
        bit = (0x01, 0x20)[position % 2]  # another sign, or the other case of a letter
        flipped = bytes([content[position] ^ bit])
        manifest.write_bytes(content[:position] + flipped + content[position + 1 :])
        with pytest.raises(PackageError, match=r"manifest\.json"):
            read_manifest(manifest)


def test_another_spelling_of_the_same_facts_is_refused(manifest):
    content = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps(content, indent=1))
    with pytest.raises(PackageError, match="not the canonical JSON"):
        read_manifest(manifest)


def test_a_key_that_stands_twice_is_refused(manifest):
    manifest.write_text(manifest.read_text().replace('"seed":1', '"seed":2,"seed":1'))
    with pytest.raises(PackageError, match="not the canonical JSON"):
        read_manifest(manifest)


def test_a_future_schema_is_told_to_update(manifest, raw, write_manifest):
    write_manifest(manifest, {"schema_version": 3, "everything": "is different"})
    sentence = "has schema_version 3, and this lab reads up to 2: update the lab"
    with pytest.raises(PackageError, match=sentence):
        read_manifest(manifest)


@pytest.mark.parametrize("schema", [0, -1, True, "1", 1.5, None, [2]])
def test_no_schema_that_ever_was_is_refused(manifest, raw, write_manifest, schema):
    write_manifest(manifest, raw | {"schema_version": schema})
    with pytest.raises(PackageError, match="schema_version: "):
        read_manifest(manifest)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"sed": 1}, "sed: unknown key; did you mean 'seed'"),
        ({"seed": True}, "seed: .* got True"),
        ({"status": "running"}, "status: .* got 'running'"),
        ({"digest": "D" * 64}, "digest: "),
        ({"digest": "d" * 64 + "\n"}, "digest: "),
        ({"metrics": {"val/loss": "low"}}, "metrics.val/loss: .* got 'low'"),
        ({"files": {"metrics.csv": {"bytes": -1, "sha256": "a" * 64}}}, "bytes: "),
        ({"provenance": {"python": "3"}}, "provenance.git_commit: required, but missing"),
        ({"labels": {"a": {"b": "c"}}}, "labels.a: "),
        ({"seed": 10**400}, "seed: "),
        ({"run": "\ud800"}, "not a manifest"),
    ],
)
def test_facts_of_another_kind_are_named(manifest, raw, write_manifest, fault, sentence):
    write_manifest(manifest, raw | fault)
    with pytest.raises(PackageError, match=sentence):
        read_manifest(manifest)


def test_a_name_that_would_command_the_terminal_is_shown_as_text(manifest, raw, write_manifest):
    write_manifest(manifest, raw | {"\x1b[2J\n": 1})
    with pytest.raises(PackageError, match="unknown key") as caught:
        read_manifest(manifest)
    assert r"\x1b[2J\n" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "forget",
    [
        lambda raw: raw.update(seed=None),
        lambda raw: raw["data"].update(corpus_digest=None),
        lambda raw: raw["data"].update(digest=None),
    ],
)
def test_only_an_adopted_model_may_not_know_its_training(manifest, raw, write_manifest, forget):
    forget(raw)
    write_manifest(manifest, raw)
    with pytest.raises(PackageError, match="only an adopted model"):
        read_manifest(manifest)
    write_manifest(manifest, raw | {"status": "adopted"})
    assert read_manifest(manifest).status == "adopted"


def test_a_further_fact_of_provenance_is_a_plain_value(manifest, raw, write_manifest):
    raw["provenance"]["gpu"] = {"name": "H100"}
    write_manifest(manifest, raw)
    with pytest.raises(PackageError, match=r"provenance\.gpu"):
        read_manifest(manifest)


NAMES = ["../../etc/passwd", "/etc/passwd", "a/b", "..", "", "CON", "extra.bin", "x" * 10_000]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_package_has_is_refused(manifest, raw, write_manifest, name):
    raw["files"][name] = raw["files"]["metrics.csv"]
    write_manifest(manifest, raw)
    with pytest.raises(PackageError, match=r"lists '.*which a package does not have") as caught:
        read_manifest(manifest)
    assert name[:50] in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_name_that_is_left_out_is_missed(manifest, raw, write_manifest):
    del raw["files"]["tokenizer.json"]
    write_manifest(manifest, raw)
    with pytest.raises(PackageError, match=r"does not list tokenizer\.json"):
        read_manifest(manifest)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "cannot be read as JSON"),
        (b"[" * 500_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"1" * 100_000, "cannot be read as JSON"),
        (b'{"seed":NaN}\n', "cannot be read as JSON"),
        (b"\xff\xfe{}", "cannot be read as JSON"),
        (b"\xef\xbb\xbf{}", "cannot be read as JSON"),
        (b"null\n", "not the canonical JSON"),
        (b"[]\n", "not the canonical JSON"),
        (b"{}\n", "does not match its own sha256"),
        (b" " * (MAX_BYTES["manifest.json"] + 1), "a manifest at most 1048576"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(manifest, content, sentence):
    manifest.write_bytes(content)
    with pytest.raises(PackageError, match=sentence):
        read_manifest(manifest)


def test_a_huge_file_is_refused_unread(manifest, monkeypatch):
    with manifest.open("wb") as file:
        file.truncate(2**40)
    monkeypatch.setattr("json.loads", lambda text: pytest.fail("was read"))
    with pytest.raises(PackageError, match="has 1099511627776 bytes"):
        read_manifest(manifest)


def test_a_manifest_that_is_not_there_says_what_that_means(tmp_path):
    with pytest.raises(PackageError, match=r"manifest.json is missing.* written last"):
        read_manifest(tmp_path / "manifest.json")


def test_a_link_is_not_followed(manifest, tmp_path):
    manifest.rename(tmp_path / "elsewhere.json")
    manifest.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(PackageError, match="not a regular file"):
        read_manifest(manifest)


def test_facts_that_are_not_finite_are_no_facts(raw):
    with pytest.raises(ValidationError, match="finite"):
        sealed(raw | {"metrics": {"val/loss": float("inf")}})


def test_manifests_and_verification_need_no_torch():
    code = "import sys, lab.package.verify, lab.package.manifest; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_every_field_is_documented_by_its_name_in_the_design():
    """The manifest says what DESIGN asks of it: a field that goes is a field that is missed."""
    assert set(Manifest.model_fields) == {
        *("schema_version", "status", "run", "digest", "files", "data", "seed", "n_params"),
        *("flops_per_token", "vocab_size", "metrics", "labels", "provenance", "sha256"),
    }
