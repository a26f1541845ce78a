"""Whatever stands in the files of a package, nothing but a `PackageError` comes of reading them.

The files are hashed again after each change, as a forger would, so that every reader sees them.
"""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.errors import PackageError
from lab.package.manifest import read_manifest
from lab.package.read import load_package
from lab.package.run_config import read_config

QUICK = settings(
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NUMBERS = st.integers() | st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**30]) | st.floats()
ODD = st.none() | st.booleans() | NUMBERS | st.text(max_size=8) | st.sampled_from(["\ud800", "\0"])
JSON = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of every value within a value; of long lists and tables the first few."""
    found = [path]
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in list(inner)[:12]:
            found += _places(one, (*path, key))
    return found


def _changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _changed(value[path[0]], path[1:], new)
    return copy


@st.composite
def _mutated(draw: st.DrawFn, value: Any) -> Any:
    for _ in range(draw(st.integers(1, 2))):
        value = _changed(value, draw(st.sampled_from(_places(value))), draw(JSON))
    return value


def _refused_or_read(read: Callable[[], object]) -> None:
    said = ""
    try:
        read()
    except PackageError as error:
        said = str(error)
    assert said.isprintable()
    assert len(said) < 10_000


@pytest.fixture(scope="module")
def folder(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(written, tmp_path_factory.mktemp("fuzz") / "run"))


@QUICK
@given(data=st.data())
def test_manifests_of_any_content(data, written, folder, write_manifest) -> None:
    raw = json.loads((written / "manifest.json").read_bytes())
    del raw["sha256"]
    mutated = data.draw(_mutated(raw))
    try:
        write_manifest(folder / "manifest.json", mutated if isinstance(mutated, dict) else {})
    except (ValueError, UnicodeEncodeError):
        return  # no forger can write it either
    _refused_or_read(lambda: read_manifest(folder / "manifest.json"))


@QUICK
@given(content=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_manifests_of_any_bytes(content, folder) -> None:
    (folder / "manifest.json").write_bytes(content)
    _refused_or_read(lambda: read_manifest(folder / "manifest.json"))


YAML = st.text(
    st.sampled_from([*"abz019.-+:,#&*!|>'\"%@`[]{}?~<= \n\t\r", "\0", "\x85", "\ufeff", "é"]),
    max_size=40,
)


@QUICK
@given(head=YAML, cut=st.integers(0, 1200), tail=YAML)
def test_configs_of_any_text(head, cut, tail, written) -> None:
    whole = (written / "config.yaml").read_text()
    content = (head + whole[:cut] + tail + whole[cut:]).encode()
    _refused_or_read(lambda: read_config(content, path=Path("config.yaml")))
    _refused_or_read(lambda: read_config(tail.encode(), path=Path("config.yaml")))


@QUICK
@given(content=st.binary(max_size=40))
def test_configs_of_any_bytes(content) -> None:
    _refused_or_read(lambda: read_config(content, path=Path("config.yaml")))


def _loaded(folder: Path, name: str, content: bytes, reseal: Callable[..., None]) -> None:
    (folder / "manifest.json").write_bytes(ORIGINAL["manifest.json"])
    (folder / name).write_bytes(content)
    try:
        reseal(folder)
        _refused_or_read(lambda: load_package(folder))
    finally:
        (folder / name).write_bytes(ORIGINAL[name])


ORIGINAL: dict[str, bytes] = {}


@pytest.fixture(scope="module")
def own(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    ORIGINAL.update({path.name: path.read_bytes() for path in written.iterdir()})
    return Path(shutil.copytree(written, tmp_path_factory.mktemp("fuzz") / "run"))


@QUICK
@given(data=st.data())
def test_tokenizers_of_any_content(data, own, reseal) -> None:
    mutated = data.draw(_mutated(json.loads(ORIGINAL["tokenizer.json"])))
    _loaded(own, "tokenizer.json", json.dumps(mutated).encode(), reseal)


@QUICK
@given(data=st.data())
def test_weights_with_a_header_of_any_content(data, own, reseal) -> None:
    content = ORIGINAL["model.safetensors"]
    length = int.from_bytes(content[:8], "little")
    mutated = data.draw(_mutated(json.loads(content[8 : 8 + length])))
    text = json.dumps(mutated).encode()
    said = data.draw(st.just(len(text)) | st.integers(0, 2**64 - 1))
    header = struct.pack("<Q", said) + text
    _loaded(own, "model.safetensors", header + content[8 + length :], reseal)


@QUICK
@given(content=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@pytest.mark.parametrize("name", ["provenance.json", "model.safetensors"])
def test_files_of_any_bytes(content, name, own, reseal) -> None:
    _loaded(own, name, content, reseal)


def test_metrics_of_any_bytes_are_nobodys_to_read(own, reseal) -> None:
    _loaded(own, "metrics.csv", b"\xff\0" + bytes(range(256)) * 9, reseal)
