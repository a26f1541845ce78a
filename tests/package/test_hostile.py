"""Packages made to do harm, hashed as a forger would: refused in a sentence, in little memory."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.errors import DataError, PackageError
from lab.package.layout import MAX_BYTES
from lab.package.read import load_package

MIB = 2**20
SPARE = 800 * MIB  # of memory, beyond what a process with torch in it has


def _table(text: str) -> Callable[[Path], None]:
    return lambda folder: _write(folder / "provenance.json", text)


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _tokenizer(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "tokenizer.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def _larger_tokenizer(folder: Path) -> None:
    """Each token a list of lists: the most that a parser can be made to hold of a byte."""
    _write(folder / "tokenizer.json", '{"model":[' + "[]," * (MIB // 3 - 100) + "[]]}")


def _endless(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with (folder / name).open("r+b") as file:
            file.truncate(2**34)  # takes no room on the disk

    return change


PRECOMPILED = {"type": "Precompiled", "precompiled_charsmap": "AAAA" * 1000}
SPLIT = {
    "type": "Split",
    "pattern": {"Regex": "((a{1,1000}){1,1000}){1,1000}"},
    "behavior": "Isolated",
    "invert": False,
}
HARMS: dict[str, tuple[Callable[[Path], None], str]] = {
    "deep provenance": (_table("[" * 1_000_000), "provenance.json is no table of facts"),
    "wide provenance": (_table("[" + "{}," * MIB + "{}]"), "provenance.json is no table of facts"),
    "long number": (_table("1" * 1_000_000), "provenance.json is no table of facts"),
    "deep tokenizer": (_tokenizer(model=[[[[[]]]]]), "tokenizer.json cannot be used"),
    "wide tokenizer": (_larger_tokenizer, "tokenizer.json cannot be used"),
    "a name of a megabyte": (_tokenizer(model={"type": "A" * MIB}), "tokenizer.json"),
    "a table for a normaliser": (_tokenizer(normalizer=PRECOMPILED), "tokenizer.json cannot be"),
    "a pattern of patterns": (_tokenizer(pre_tokenizer=SPLIT), "tokenizer.json cannot be used"),
    "deep config": (lambda f: _write(f / "config.yaml", "[" * 200_000), "config.yaml cannot be"),
    "wide config": (lambda f: _write(f / "config.yaml", "a: [" + "x," * 5000 + "]"), "config.yaml"),
    "no config": (lambda f: _write(f / "config.yaml", "- 1\n" * 500), "config.yaml"),
    "a tag": (lambda f: _write(f / "config.yaml", "!!python/name:os.system x"), "config.yaml"),
    "endless weights": (_endless("model.safetensors"), "model.safetensors has 17179869184 bytes"),
    "endless metrics": (_endless("metrics.csv"), "metrics.csv has 17179869184 bytes, and such"),
    "endless tokenizer": (_endless("tokenizer.json"), "tokenizer.json has 17179869184 bytes"),
}

CHILD = """
import json, resource, sys
from lab.errors import PackageError
from lab.package.read import load_package
load_package(sys.argv[1])  # what a package takes in any case
here = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (here + int(sys.argv[2]), -1))
said = {}
for folder in sys.argv[3:]:
    try:
        load_package(folder)
        said[folder] = "loaded"
    except PackageError as error:
        said[folder] = str(error)
print(json.dumps(said))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does it")
def test_no_package_takes_more_memory_than_it_is_worth(
    written: Path, reseal: Callable[..., None], tmp_path: Path
) -> None:
    folders = {}
    for name, (change, _) in HARMS.items():
        folders[name] = tmp_path / name
        shutil.copytree(written, folders[name])
        change(folders[name])
        sizes = {p.name: p.stat().st_size for p in folders[name].iterdir()}
        if max(sizes.values()) < 2**30:
            reseal(folders[name])
        else:
            _claim(folders[name], reseal, sizes)
    words = [sys.executable, "-c", CHILD, str(written), str(SPARE), *map(str, folders.values())]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    for name, (_, sentence) in HARMS.items():
        found = said[str(folders[name])]
        assert sentence in found, (name, found[:300])
        assert len(found) < 1200
        assert found.isprintable()


def _claim(folder: Path, reseal: Callable[..., None], sizes: dict[str, int]) -> None:
    """A manifest that agrees with the sizes, if not with the hashes, of files nobody will read."""
    name = next(name for name, size in sizes.items() if size > 2**30)
    path = folder / name
    path.unlink()
    path.write_bytes(b"")
    reseal(folder, lambda raw: raw["files"][name].update(bytes=sizes[name]))
    with path.open("r+b") as file:
        file.truncate(sizes[name])


def test_more_parameters_than_the_machine_has_memory_are_refused_unread(
    package: Path, reseal: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    reseal(package, lambda raw: raw.update(n_params=10**15))
    monkeypatch.setattr("lab.package.verify.hash_plain", lambda *_, **__: pytest.fail("was read"))
    sentence = r"asks for 4,000,000,000,000,000 bytes of parameters, and this machine has [0-9,]+ b"
    with pytest.raises(PackageError, match=sentence):
        load_package(package)


def test_a_tokenizer_may_be_as_large_as_its_vocabulary_gives_reason_for(
    package: Path, reseal: Callable[..., None]
) -> None:
    path = package / "tokenizer.json"
    path.write_text(path.read_text() + " " * 2 * MIB)
    reseal(package)
    with pytest.raises(PackageError, match=r"tokenizer\.json has \d+ bytes, and such a file at mo"):
        load_package(package)
    assert MAX_BYTES["tokenizer.json"] == 64 * MIB


def test_a_tokenizer_that_pads_without_end_pads_nothing(
    package: Path, reseal: Callable[..., None]
) -> None:
    padding = {
        "strategy": {"Fixed": 10**12},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "x",
    }
    truncation = {
        "direction": "Right",
        "max_length": 1,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    _tokenizer(padding=padding, truncation=truncation)(package)
    reseal(package)
    tokenizer = load_package(package).tokenizer
    assert tokenizer.decode(tokenizer.encode("The cat")) == "The cat"


def test_a_pattern_that_backtracks_without_end_gives_up_in_a_sentence(
    make_parts: Callable[..., Any], tmp_path: Path, reseal: Callable[..., None], capfd: Any
) -> None:
    """The library panics then, and a panic passes every `except Exception`."""
    folder = make_parts(tokenizer="bpe").write(tmp_path / "run")
    path = folder / "tokenizer.json"
    raw = json.loads(path.read_text())
    pattern = {**SPLIT, "pattern": {"Regex": "(a+)+$"}}
    level = {**raw["pre_tokenizer"], "use_regex": False}
    raw["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [pattern, level]}
    path.write_text(json.dumps(raw))
    reseal(folder)
    package = load_package(folder)
    assert package.tokenizer.decode(package.tokenizer.encode("a cat")) == "a cat"
    with pytest.raises(DataError, match="the tokenizer's own pattern or tables cannot be used"):
        package.generate("a" * 60 + "b")
    assert "panicked" in capfd.readouterr().err  # the library says so itself
