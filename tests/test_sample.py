"""`lab sample`: prompts from everywhere, text as it comes, and one sentence for what is refused."""

import io
import os
import subprocess
import sys

import pytest

from lab.config.run import RunConfig
from lab.data.tokenizer import train_tokenizer
from lab.errors import ConfigError, PackageError
from lab.model.gpt import build_model
from lab.package.read import load_package
from lab.package.write import write_package
from lab.sample import TEMPERATURE, prompts_asked, sample

DRAWING = {"temperature": 0.9, "top_k": 40, "top_p": 0.99, "repetition_penalty": 1.1}
SETTINGS = {**DRAWING, "max_new_tokens": 30, "seed": 2}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    config = RunConfig.parse(
        {
            "model": {"n_layers": 1, "n_heads": 1, "d_model": 8, "max_seq_len": 16},
            "data": {"corpus": {"kind": "python-docs"}},
            "train": {"steps": 1, "batch_size": 1},
        }
    )
    tokenizer = train_tokenizer(config.data.tokenizer, ["naïve — 日本 abcdefgh\n" * 3])
    (folder / "metrics.csv").write_text("step\n0\n")
    provenance = {"source_digest": "", "git_commit": None, "git_dirty": None, "python": "3.11"}
    return write_package(
        folder / "run",
        config=config,
        tokenizer=tokenizer,
        model=build_model(config.model, tokenizer.vocab_size, seed=0),
        metrics_csv=folder / "metrics.csv",
        run="run",
        digest="0" * 64,
        corpus_digest="0" * 64,
        data_digest="0" * 64,
        metrics={},
        labels={},
        provenance=provenance | {"torch": "2.13.0", "device": "cpu", "threads": 1},
    )


class Watched(io.StringIO):
    """Counts how often a reader could have seen more."""

    flushes = 0

    def flush(self) -> None:
        self.flushes += 1


class TestWriting:
    def test_one_prompt_is_continued_as_the_text_comes(self, package):
        out = Watched()
        texts = sample(package, prompts=["naïve "], **SETTINGS, stream_to=out)
        pieces = ["naïve ", *load_package(package).stream("naïve ", **SETTINGS), "\n"]
        assert out.getvalue() == "".join(pieces) == texts[0] + "\n"
        assert out.flushes == len(pieces) > 3

    def test_several_are_one_batch_in_order(self, package):
        out, prompts = io.StringIO(), ["naïve ", "日本", "abc"]
        texts = sample(package, prompts=prompts, **SETTINGS, stream_to=out)
        found = load_package(package).generate_batch(prompts, **SETTINGS)
        assert texts == [prompt + text for prompt, text in zip(prompts, found, strict=True)]
        parts = [f"==> {n} of 3 <==\n{text}\n" for n, text in enumerate(texts, start=1)]
        assert out.getvalue() == "\n".join(parts)

    def test_beams_write_the_best_that_a_search_found(self, package):
        request = {"max_new_tokens": 12, "length_penalty": 0.5, "stop": ["e"]}
        out = io.StringIO()
        texts = sample(package, prompts=["ab", "n"], beams=3, **request, stream_to=out)
        loaded = load_package(package)
        best = [loaded.beam_search(p, num_beams=3, **request)[0].text for p in ("ab", "n")]
        assert texts == ["ab" + best[0], "n" + best[1]]

    def test_what_is_not_given_has_a_default(self, package):
        (text,) = sample(package, prompts=["ab"], max_new_tokens=20, stream_to=io.StringIO())
        loaded = load_package(package)
        assert text == "ab" + loaded.generate("ab", max_new_tokens=20, temperature=TEMPERATURE)

    def test_a_narrow_terminal_gets_question_marks(self, package):
        raw = io.BytesIO()
        out = io.TextIOWrapper(raw, encoding="ascii")
        sample(package, prompts=["naïve "], **SETTINGS, stream_to=out)
        assert raw.getvalue().startswith(b"na?ve ")

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"top_k": 0}, "top_k=0 must be"),
            ({"prompts": [""]}, "give at least one character"),
            ({"prompts": ["ab", ""]}, "give at least one character"),
            ({"stop": [""]}, "leave it out to stop nowhere"),
            ({"device": "abacus"}, "device 'abacus' cannot be used"),
            ({"dtype": "int9"}, "no dtype 'int9'; did you mean 'int8'"),
            ({"beams": 2}, "--temperature says how to draw, and --beams draws nothing"),
            ({"length_penalty": 1.0}, "--length-penalty belongs to a search; give --beams"),
        ],
    )
    def test_a_refused_setting_writes_nothing(self, package, change, sentence):
        out = io.StringIO()
        with pytest.raises(ConfigError, match=sentence):
            sample(package, **{"prompts": ["ab"], **SETTINGS, **change}, stream_to=out)
        assert out.getvalue() == ""

    @pytest.mark.parametrize("name", ["top_k", "top_p", "min_p", "repetition_penalty"])
    def test_beams_and_what_says_how_to_draw_exclude_each_other(self, package, name):
        request = {"prompts": ["ab"], "max_new_tokens": 2, "beams": 2, name: 1}
        with pytest.raises(ConfigError, match=f"--{name.replace('_', '-')} says how to draw"):
            sample(package, **request, stream_to=io.StringIO())

    def test_a_search_may_be_called_greedy(self, package):
        request = {"prompts": ["ab"], "max_new_tokens": 2, "beams": 2, "temperature": 0.0}
        assert sample(package, **request, stream_to=io.StringIO())

    def test_a_missing_package_writes_nothing(self, package):
        out = io.StringIO()
        with pytest.raises(PackageError, match="did you mean 'run'"):
            sample(package.with_name("rum"), prompts=["ab"], **SETTINGS, stream_to=out)
        assert out.getvalue() == ""


def piped(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="ascii")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestPrompts:
    def test_arguments_come_before_the_lines_of_a_file(self, tmp_path):
        path = tmp_path / "prompts.txt"
        path.write_bytes("one \r\n\nzwei – 2\n".encode())
        asked = prompts_asked(["a", "b"], file=str(path), stdin=Terminal())
        assert asked == ["a", "b", "one ", "zwei – 2"]

    @pytest.mark.parametrize("given", [[], ["-"]])
    def test_a_pipe_is_one_prompt_without_its_last_line_end(self, given):
        text = "def f(x):\n    return x\n\n"
        assert prompts_asked(given, file=None, stdin=piped(text.encode())) == [text[:-1]]
        assert prompts_asked(given, file=None, stdin=piped("naïve ".encode())) == ["naïve "]

    def test_a_closed_input_has_no_prompt(self):
        with pytest.raises(ConfigError, match="there is no prompt"):
            prompts_asked([], file=None, stdin=None)

    def test_a_pipe_may_be_a_file_of_prompts(self):
        assert prompts_asked([], file="-", stdin=piped(b"a\nb\n")) == ["a", "b"]

    def test_a_pipe_is_left_alone_where_prompts_are_given(self):
        stdin = piped(b"not asked for")
        assert prompts_asked(["a"], file=None, stdin=stdin) == ["a"]
        assert stdin.read() == "not asked for"

    @pytest.mark.parametrize(
        ("file", "stdin", "sentence"),
        [
            (None, Terminal("typed"), "no prompt to continue; give one as an argument"),
            (None, piped(b""), "no prompt to continue"),
            ("-", piped(b"\n \n"), "no prompt to continue"),
            (None, piped(b"\xff"), "standard input is not UTF-8 text; convert it first"),
            ("nothing.txt", Terminal(), "nothing.txt cannot be read .* a prompt a line"),
        ],
    )
    def test_no_prompt_is_a_sentence(self, tmp_path, monkeypatch, file, stdin, sentence):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigError, match=sentence):
            prompts_asked([], file=file, stdin=stdin)


class TestCommand:
    def run(self, *words, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "lab.sample", *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )

    def test_continues_what_a_pipe_says(self, package):
        options = ("--max-new-tokens", "9", "--seed", "4", "--stop", "zz", "--min-p", "0.001")
        done = self.run(str(package), *options, stdin="abc\n")
        assert done.returncode == 0, done.stderr
        settings = {"max_new_tokens": 9, "seed": 4, "min_p": 0.001, "temperature": TEMPERATURE}
        assert done.stdout == "abc" + load_package(package).generate("abc", **settings) + "\n"

    def test_options_that_exclude_each_other_are_a_sentence_and_a_2(self, package):
        done = self.run(str(package), "abc", "--prompt", "d", "--beams", "2", "--top-k", "3")
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.splitlines() == [
            "--top-k says how to draw, and --beams draws nothing; drop one of them"
        ]

    def test_a_reader_that_goes_away_is_no_fault(self, package):
        command = [sys.executable, "-m", "lab.sample", str(package), "a", "--max-new-tokens", "900"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            running.stdout.read(1)
            running.stdout.close()
            assert running.stderr.read() == b""
        assert running.returncode == 0
