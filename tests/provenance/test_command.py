"""The command line, as it is kept."""

from pathlib import Path

import pytest

from lab.provenance.command import LAB, command


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([str(LAB / "sweep" / "__main__.py"), "posenc.yaml"], "lab sweep posenc.yaml"),
        ([str(LAB / "__main__.py"), "train", "x"], "lab train x"),
        ([str(LAB / "doctor.py")], "lab doctor"),
        ([str(Path("/usr/bin/lab")), "sweep", "a b"], "lab sweep 'a b'"),
        ([str(Path("/usr/bin/pytest")), "-q"], "pytest -q"),
        (
            ["lab", "train", "x", "--set", "data.tokenizer.kind=bpe"],
            "lab train x --set data.tokenizer.kind=bpe",
        ),
        (["lab", "sample", "p", "--max-new-tokens", "40"], "lab sample p --max-new-tokens 40"),
        (["mine", "--api-key", "abc", "-q"], "mine --api-key '***' -q"),
        (["mine", "--hf-token=abc", "db.password=abc"], "mine '--hf-token=***' 'db.password=***'"),
        (["mine", "https://me:abc@host/x"], "mine 'https://***@host/x'"),
        (["mine", "caf\udce9"], "mine 'caf?'"),
    ],
)
def test_the_command_is_as_a_user_would_give_it(argv: list[str], expected: str) -> None:
    assert command(argv) == expected
