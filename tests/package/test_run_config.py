from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.run import RunConfig
from lab.config.yaml12 import dump_yaml
from lab.errors import PackageError
from lab.package.run_config import read_config

RAW = {
    "model": {"n_layers": 1, "n_heads": 1, "d_model": 8, "max_seq_len": 16},
    "data": {"corpus": {"kind": "file", "path": "x"}},
    "train": {"steps": 10, "batch_size": 2},
}
# Words that are no text to one version of YAML or to the other, and signs that must be quoted.
SCALARS = "1e3 1e-3 0o7 no True null ~ +1 .5 .inf 0x1f 12:30 = << 2020-01-01 # ' \""
WORDS = st.sampled_from(
    [*SCALARS.split(), "- a", "a: b", " a ", "a\nb", "\x85x", "\u2028", "\ufeff"]
)
# Control characters and those that are none have no place in a config.
TEXTS = WORDS | st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1)


@settings(deadline=None, database=None, max_examples=60)
@given(prompt=TEXTS, path=TEXTS, rate=st.floats(0, 1e300, exclude_min=True))
def test_every_run_is_read_as_it_was_written(prompt, path, rate):
    config = RunConfig.parse(RAW).replaced(
        {
            "tracking.samples.prompt": prompt,
            "data.corpus.path": path,
            "train.optimizer.lr": rate,
        }
    )
    assert read_config(dump_yaml(config.dump()).encode(), path=Path("config.yaml")) == config


BOMB = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in pairwise("abcdefghi")
)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"model: !!python/object/apply:os.system [id]", "line 1: tags, anchors and aliases"),
        (b"seed: 1\nmodel: !!binary aGk=", "line 2: tags, anchors and aliases"),
        (BOMB.encode(), "line 1: tags, anchors and aliases"),
        (b"a: " + b"[" * 200_000, "line 1: nested more than 50 levels deep"),
        (b"- " * 100_000, "line 1: nested more than 50 levels deep"),
        (b"a: b: c", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"a: \x00", "cannot be read"),
        (b"", "not a run of this lab"),
        (b"[1, 2]", "not a run of this lab"),
        (b"sed: 1", "sed: unknown key; did you mean 'seed'"),
    ],
)
def test_a_file_that_is_no_config_is_refused_in_one_line(content, sentence):
    file = Path("run", "config.yaml")
    with pytest.raises(PackageError, match=sentence) as caught:
        read_config(content, path=file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)
