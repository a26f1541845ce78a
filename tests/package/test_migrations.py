"""A package of schema 1, written by the lab before there was another, and kept as it was."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lab.errors import PackageError
from lab.package.layout import FILES
from lab.package.manifest import read_manifest
from lab.package.migrations import FILES_OF, MIGRATIONS, SCHEMA, migrated
from lab.package.read import load_package
from lab.package.verify import verify
from lab.package.write import write_package

FROZEN = Path(__file__).parent / "frozen" / "schema-1"
LOGITS = [6.10306453704834, -33.189727783203125, -33.041316986083984, -27.853134155273438]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FROZEN, tmp_path / "old"))


def test_a_package_of_schema_1_computes_what_it_did() -> None:
    package = load_package(FROZEN)
    found = package.model(torch.tensor([[1, 2, 3]]))[0, -1, :4]
    assert torch.allclose(found, torch.tensor(LOGITS), rtol=1e-6)
    assert package.generate("The", max_new_tokens=3, temperature=0) == "\n\n\n"
    assert package.manifest.run == "no-position-1-0123abcd"
    assert package.manifest.schema_version == SCHEMA
    assert package.provenance == package.manifest.provenance.dump()
    assert package.provenance["torch"] == "2.13.0"


def test_a_package_of_schema_1_has_no_file_more(old: Path) -> None:
    (old / "provenance.json").write_text("{}")
    with pytest.raises(PackageError, match=r"'provenance\.json' was added, remove it"):
        verify(old)


@pytest.mark.parametrize("name", ["config.yaml", "model.safetensors", "manifest.json"])
def test_a_package_of_schema_1_is_checked_to_the_byte(old: Path, name: str) -> None:
    content = (old / name).read_bytes()
    (old / name).write_bytes(content.replace(b"1", b"2", 1))
    with pytest.raises(PackageError, match=name):
        verify(old)


def test_a_package_that_says_it_is_older_than_it_is_is_found_out(
    package: Path, reseal: Callable[..., None]
) -> None:
    reseal(package, lambda raw: raw.update(schema_version=1))
    with pytest.raises(PackageError, match=r"lists 'provenance\.json', which a package does not"):
        verify(package)


def test_a_package_that_says_it_is_newer_than_it_is_is_found_out(
    old: Path, reseal: Callable[..., None]
) -> None:
    reseal(old, lambda raw: raw.update(schema_version=2))
    with pytest.raises(PackageError, match=r"does not list provenance\.json"):
        verify(old)


def test_an_equal_package_of_schema_1_is_kept(old: Path, tmp_path: Path) -> None:
    """Whatever is known of the provenance by now."""
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    loaded = load_package(old)
    manifest = loaded.manifest
    write_package(
        old,
        config=loaded.config,
        tokenizer=loaded.tokenizer,
        model=loaded.model,
        metrics_csv=old / "metrics.csv",
        run=manifest.run,
        digest=manifest.digest,
        corpus_digest=manifest.data.corpus_digest,
        data_digest=manifest.data.digest,
        metrics=manifest.metrics,
        labels=manifest.labels,
        provenance={**loaded.provenance, "environment": {"OMP_NUM_THREADS": "1"}},
    )
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before


def test_every_schema_that_was_has_its_files_and_its_way_to_the_present() -> None:
    assert set(FILES_OF) == {*MIGRATIONS, SCHEMA} == set(range(1, SCHEMA + 1))
    assert FILES_OF[SCHEMA] == FILES
    for schema in MIGRATIONS:
        assert migrated({"schema_version": schema})["schema_version"] == SCHEMA


def test_migrations_follow_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(raw: dict[str, Any]) -> dict[str, Any]:
        return {**raw, "name": raw["run"]}

    def shouted(raw: dict[str, Any]) -> dict[str, Any]:
        return {**raw, "name": raw["name"].upper()}

    monkeypatch.setattr("lab.package.migrations.MIGRATIONS", {1: named, 2: shouted})
    monkeypatch.setattr("lab.package.migrations.SCHEMA", 3)
    found = migrated({"schema_version": 1, "run": "rope"})
    assert found == {"schema_version": 3, "run": "rope", "name": "ROPE"}


@pytest.mark.parametrize("schema", [SCHEMA + 1, 10**9, 10**4000])
def test_a_package_from_the_future_is_refused_with_the_remedy(package: Path, schema: int) -> None:
    """Before anything else is asked of it: its hash may be made in another way."""
    path = package / "manifest.json"
    text = json.dumps({"schema_version": schema, "hash": "another"}, sort_keys=True)
    path.write_text(text.replace(" ", "") + "\n")
    with pytest.raises(PackageError, match=r"and this lab reads up to 2: update the lab") as caught:
        read_manifest(path)
    assert len(str(caught.value)) < 500
