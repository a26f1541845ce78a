"""The git repository of a folder of source: made here, of a file or two."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.provenance.repository import MAX_DIFF, Repository

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", "-C", str(tmp_path / "house"), *identity, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return run


@pytest.fixture
def house(tmp_path: Path, git: Git) -> Path:
    folder = tmp_path / "house"
    (folder / "lab").mkdir(parents=True)
    (folder / "lab" / "source.py").write_text("a = 1\n")
    (folder / "question.yaml").write_text("seed: 1\n")
    (folder / ".gitignore").write_text("ignored/\n")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "first")
    return folder


def of(house: Path) -> Repository:
    return Repository(house / "lab" / "source.py")


def test_a_clean_repository_is_its_commit(house: Path, git: Git) -> None:
    found = of(house)
    assert found.commit == git("rev-parse", "HEAD").strip()
    assert found.dirty is False
    assert found.diff is None


def test_changes_are_told_whole_and_what_git_does_not_know_by_name(house: Path, git: Git) -> None:
    (house / "lab" / "source.py").write_text("a = 2\n")
    (house / "question.yaml").unlink()
    (house / "note näme.txt").write_text("a secret")
    (house / "ignored").mkdir()
    (house / "ignored" / "key").write_text("a secret")
    found = of(house)
    assert found.dirty is True
    assert found.diff is not None
    text = found.diff["text"]
    assert "-a = 1\n+a = 2\n" in text
    assert "-seed: 1" in text
    assert "secret" not in str(found.diff)
    assert found.diff["untracked"] == ["note näme.txt"]
    assert found.diff["untracked_files"] == 1
    assert found.diff["bytes"] == len(text.encode())
    assert found.diff["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_what_is_staged_is_a_change_too(house: Path, git: Git) -> None:
    (house / "more.py").write_text("b = 1\n")
    git("add", "more.py")
    diff = of(house).diff
    assert diff is not None
    assert "+b = 1" in diff["text"]
    assert diff["untracked"] == []


def test_a_great_change_is_cut_between_lines_and_hashed_whole(house: Path, git: Git) -> None:
    lines = "".join(f"row {n}\n" for n in range(60_000))
    (house / "question.yaml").write_text(lines)
    diff = of(house).diff
    assert diff is not None
    whole = git("diff", "--full-index", "HEAD").encode()
    assert diff["bytes"] == len(whole) > 2 * MAX_DIFF
    assert diff["sha256"] == hashlib.sha256(whole).hexdigest()
    text = diff["text"].encode()
    assert MAX_DIFF - 100 < len(text) <= MAX_DIFF
    assert whole.startswith(text)
    assert text.endswith(b"\n")


def test_of_many_unknown_files_some_names_are_kept(house: Path) -> None:
    for number in range(300):
        (house / f"{number}.txt").touch()
    diff = of(house).diff
    assert diff is not None
    assert (len(diff["untracked"]), diff["untracked_files"]) == (200, 300)
    assert diff["text"] == ""


def test_text_that_is_not_utf8_does_no_harm(house: Path) -> None:
    (house / "question.yaml").write_bytes(b"caf\xe9\n")
    diff = of(house).diff
    assert diff is not None
    assert "+caf\ufffd" in diff["text"]


def test_no_program_that_a_repository_names_is_run(house: Path, git: Git) -> None:
    program = f"touch {house / 'was-run'}; cat"
    git("config", "diff.external", program)
    git("config", "diff.own.textconv", program)
    git("config", "core.fsmonitor", program)
    (house / ".gitattributes").write_text("*.py diff=own\n")
    (house / "lab" / "source.py").write_text("a = 3\n")
    diff = of(house).diff
    assert diff is not None
    assert "+a = 3" in diff["text"]
    assert not (house / "was-run").exists()


def test_a_package_that_is_installed_in_another_project_has_no_repository(house: Path) -> None:
    """Its commit and its changes would be another project's, and its secrets too."""
    installed = house / "ignored" / "lab"
    installed.mkdir(parents=True)
    (installed / "source.py").write_text("a = 1\n")
    (house / "question.yaml").write_text("a secret\n")
    found = Repository(installed / "source.py")
    assert (found.commit, found.dirty, found.diff) == (None, None, None)


def test_outside_of_any_repository_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "source.py").touch()
    found = Repository(tmp_path / "source.py")
    assert (found.commit, found.dirty, found.diff) == (None, None, None)


def test_without_git_there_is_none(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = of(house)
    assert (found.commit, found.dirty, found.diff) == (None, None, None)


def test_the_environment_of_a_hook_is_passed_over(
    house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = of(house).commit
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))
    assert of(house).commit == commit
