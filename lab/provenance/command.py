"""The command line of this process, as a user would give it again, without the secrets in it."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.provenance.secrets import HIDDEN, bounded, is_secret, without_login

LAB = Path(__file__).parents[1]


def command(argv: Sequence[str] | None = None) -> str:
    """`lab sweep posenc.yaml`, say; by default of this process."""
    program, *words = sys.argv if argv is None else argv
    path = Path(program)
    name = path.parent.name if path.name == "__main__.py" else path.stem
    said = [name] if name == "lab" or LAB not in path.absolute().parents else ["lab", name]
    return bounded(shlex.join([*said, *_without_secrets(words)]))


def _without_secrets(words: Sequence[str]) -> list[str]:
    found, hide = [], False
    for word in words:
        name, equals, _ = word.partition("=")
        named = is_secret(name)
        if hide:
            found.append(HIDDEN)
        elif named and equals:
            found.append(f"{name}={HIDDEN}")
        else:
            found.append(without_login(word))
        hide = not hide and named and not equals and word.startswith("-")
    return found
