"""Many runs' wandb folders seen as one."""

from pathlib import Path

from lab.track.gather import gather_wandb


def test_every_run_is_linked_once_whenever_it_is_called(tmp_path: Path) -> None:
    runs = [tmp_path / "runs" / name for name in ("a", "b", "c")]
    into = tmp_path / "wandb"
    assert gather_wandb(runs, into=into) == 0
    assert not into.exists()
    names = ("offline-run-1-a", "offline-run-2-a", "run-3-b")
    for name in names:
        folder = runs["ab".index(name[-1])] / "wandb" / name
        folder.mkdir(parents=True)
        (folder / "x.wandb").write_text(name)
        (folder.parent / "latest-run").unlink(missing_ok=True)
        (folder.parent / "latest-run").symlink_to(name)
    for _ in range(2):
        assert gather_wandb(runs, into=into) == 3
        assert {f.name: (f / "x.wandb").read_text() for f in into.iterdir()} == {
            name: name for name in names
        }
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    assert (moved / "wandb" / "run-3-b" / "x.wandb").read_text() == "run-3-b"


def test_a_link_to_a_record_that_has_gone_goes_too(tmp_path: Path) -> None:
    run, into = tmp_path / "runs" / "a", tmp_path / "wandb"
    for name in ("offline-run-1-a", "offline-run-2-a"):
        (run / "wandb" / name).mkdir(parents=True)
        assert gather_wandb([run], into=into) == 1
        (run / "wandb" / name).rmdir()
    assert [link.name for link in into.iterdir()] == ["offline-run-2-a"]
    (into / "offline-run-3-report").mkdir()  # the sweep's own
    (into / "latest-run").symlink_to("offline-run-0-report")  # wandb's business
    assert gather_wandb([run], into=into) == 0
    assert {link.name for link in into.iterdir()} == {"offline-run-3-report", "latest-run"}
