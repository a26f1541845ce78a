"""What is asked of sbatch, and what it refuses, by programs of these names."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.config.launcher import Slurm
from lab.errors import ConfigError, SweepError
from lab.sweep.launchers import sbatch

Programs = Callable[[str], Path]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """`programs(script)` makes that script of sbatch; the others do nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())

    def write(script: str) -> Path:
        for name in sbatch.PROGRAMS:
            body = {"sbatch": f'echo "$@" > {folder}/given\n{script}', "sinfo": "echo main"}
            (folder / name).write_text(f"#!/bin/sh\n{body.get(name, '')}\n")
            (folder / name).chmod(0o755)
        (folder / "sinfo").write_text("#!/bin/sh\necho main; echo night\n")
        (folder / "sinfo").chmod(0o755)
        return folder / "given"

    return write


def test_a_job_that_slurm_would_take_is_fine(programs: Programs) -> None:
    given = programs("echo 'sbatch: Job 3 to start at noon' >&2")
    options = {"qos": "low", "exclusive": True, "hold": False, "mail_type": "END"}
    config = Slurm(
        partition="main", account="phys", time=30, memory=1.5, gpus=1, processes=2, options=options
    )
    sbatch.check(config, threads=3)
    assert given.read_text().split() == [
        "--test-only", "--partition=main", "--account=phys", "--time=30", "--cpus-per-task=6",
        "--mem=1500M", "--gpus-per-node=1", "--qos=low", "--exclusive", "--mail-type=END",
        "--wrap=true",
    ]  # fmt: skip


def test_a_refused_partition_is_told_with_those_that_there_are(programs: Programs) -> None:
    programs("echo 'allocation failure: Invalid partition name specified' >&2; exit 1")
    with pytest.raises(ConfigError) as caught:
        sbatch.check(Slurm(partition="day"))
    assert str(caught.value) == (
        "launcher.kind=slurm: sbatch refuses such a job, partition: day, time: 60 (allocation "
        "failure: Invalid partition name specified); change that; its partitions are main, night"
    )


@pytest.mark.parametrize(
    "said",
    [
        "allocation failure: Unable to contact slurm controller (connect failure)",
        "sbatch: fatal: Could not establish a configuration source",
    ],
)
def test_a_controller_that_does_not_answer_is_no_fault_of_the_question(
    programs: Programs, said: str
) -> None:
    programs(f"echo 'sbatch: error: alas' >&2; echo '{said}' >&2; exit 1")
    with pytest.raises(SweepError, match=r"controller does not answer .*scontrol ping"):
        sbatch.check(Slurm())


def test_what_is_missing_is_named(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"there is no sbatch here; .*login node"):
        sbatch.check(Slurm())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'gpt-lab\[slurm\]'"):
        sbatch.check(Slurm())


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("cpus_per_task", "set launcher.cpus"),
        ("array", "set launcher.jobs"),
        ("no-requeue", "leave it out"),
    ],
)
def test_an_option_that_is_ours_is_refused(programs: Programs, option: str, told: str) -> None:
    programs("")
    with pytest.raises(ConfigError, match=told):
        sbatch.check(Slurm(options={option: "3"}))


def test_a_notice_leaves_time_to_train(programs: Programs) -> None:
    programs("")
    with pytest.raises(ConfigError, match=r"notice=90 s is all the time .*time=1 min"):
        sbatch.check(Slurm(time=1))


def test_a_script_says_what_was_asked_for(tmp_path: Path, programs: Programs) -> None:
    """As submitit writes it."""
    submitit = pytest.importorskip("submitit", reason="submitit is not installed (extra: slurm)")
    programs("")
    config = Slurm(
        partition="main", time=30, memory=2, setup=("module load x",), options={"qos": "low"}
    )
    executor = submitit.SlurmExecutor(tmp_path)
    executor.update_parameters(**sbatch.parameters(config, name="tiny", threads=2))
    lines = executor._make_submission_file_text("python -m work", "uid").splitlines()
    for line in (
        "job-name=lab-tiny", "partition=main", "time=30", "nodes=1", "cpus-per-task=2", "mem=2000M",
        "signal=USR2@90", "qos=low",
    ):  # fmt: skip
        assert f"#SBATCH --{line}" in lines
    assert "#SBATCH --requeue" in lines
    assert not any("wckey" in line or "gpus" in line for line in lines)
    assert "module load x" in lines
    (command,) = (line for line in lines if line.startswith("srun"))
    assert "--cpus-per-task=2" in command


def test_several_jobs_are_one_array(tmp_path: Path, programs: Programs) -> None:
    pytest.importorskip("submitit", reason="submitit is not installed (extra: slurm)")
    programs("echo Submitted batch job 41")
    asked: dict[str, Any] = {"name": "tiny", "logs": tmp_path / "logs", "threads": 1}
    folders = [tmp_path / name for name in ("a", "b")]
    assert sbatch.submit(folders, Slurm(), **asked) == ["41_0", "41_1"]
    assert sbatch.submit(folders[:1], Slurm(), **asked) == ["41"]
    programs("echo 'sbatch: error: QOSMaxSubmitJobPerUserLimit' >&2; exit 1")
    with pytest.raises(SweepError, match="QOSMaxSubmitJobPerUserLimit"):
        sbatch.submit(folders, Slurm(), **asked)


def test_a_supervisor_that_is_a_job_does_not_hand_on_what_it_was_given(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = programs('env >> "$(dirname "$0")/given"')
    for name in ("SLURM_JOB_ID", "SLURM_MEM_PER_CPU", "SLURM_CONF"):
        monkeypatch.setenv(name, "1")
    sbatch.check(Slurm())
    names = {line.partition("=")[0] for line in given.read_text().splitlines()}
    assert [name for name in sorted(names) if name.startswith("SLURM")] == ["SLURM_CONF"]
    assert os.environ["SLURM_MEM_PER_CPU"] == "1"
