"""What may stand in a question's file instead of a question, and what is said of it."""

import gzip
import os
from pathlib import Path

import pytest

from tests.bad.calls import as_anyone, call, refused
from tests.bad.question import QUESTION


def with_(old: str, new: str) -> bytes:
    assert old in QUESTION
    return QUESTION.replace(old, new).encode()


NO_MAPPING = "must be a mapping of keys to values; got "
PLACE = "has no place in a config; leave it out"
ALIEN = "tags, anchors and aliases have no place here; write the value out"
DEEP = "line 1: nested more than 50 levels deep"

FILES = {
    "empty": (b"", NO_MAPPING + "nothing"),
    "comments alone": (b"# nothing\n# at all\n", NO_MAPPING + "nothing"),
    "blank": (b"  \n \n", NO_MAPPING + "nothing"),
    "a list": (b"- a\n- b\n", NO_MAPPING + "['a', 'b']"),
    "a text": (b"just words\n", NO_MAPPING + "'just words'"),
    "a number": (b"3\n", NO_MAPPING + "3"),
    "a page of the web": (b"<!DOCTYPE html><p>404</p>", NO_MAPPING + "'<!DOCTYPE html>"),
    "a table": (b"a,b\n1,2\n", NO_MAPPING + "'a,b 1,2'"),
    "a program": (b"import os\nprint(1)\n", NO_MAPPING + "'import os print(1)'"),
    "two documents": (
        f"{QUESTION}---\n{QUESTION}".encode(),
        "line 12: a second document begins here; keep each in a file of its own",
    ),
    "bytes": (bytes(range(256)), "line 2: the byte 0x80 cannot be read, for the file is not UTF-8"),
    "packed": (gzip.compress(QUESTION.encode()), "is not UTF-8; save it as UTF-8"),
    "UTF-16": (QUESTION.encode("utf-16"), "is UTF-16; save it as UTF-8"),
    "UTF-16 without a mark": (QUESTION.encode("utf-16-le"), f"the character U+0000 {PLACE}"),
    "UTF-32": (QUESTION.encode("utf-32"), "save it as UTF-8"),
    "Latin-1": (
        QUESTION.replace("better", "bétter").encode("latin-1"),
        "line 1: the byte 0xe9 cannot be read, for the file is not UTF-8; save it as UTF-8",
    ),
    "a NUL": (with_("better", "bet\0ter"), f"line 1: the character U+0000 {PLACE}"),
    "a bell": (with_("better", "bet\x07ter"), f"line 1: the character U+0007 {PLACE}"),
    "a terminal's command": (with_("Which", '"\\x1b[31mWhich" #'), f"U+001B {PLACE}"),
    "half a character": (with_("Which", '"\\ud800" #'), f"line 1: the character U+D800 {PLACE}"),
    "a tab": (with_("  data", "\tdata"), "cannot start any token; indent with spaces"),
    "a tab before a value": (with_("steps: 20", "steps:\t20"), "line 5: found character '\\t'"),
    "an anchor": (with_("learned: {}", "learned: &a {}"), f"line 10: {ALIEN}"),
    "an alias": (with_("learned: {}", "learned: *a"), f"line 10: {ALIEN}"),
    "aliases that multiply": (b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", f"line 1: {ALIEN}"),
    "a tag": (with_("learned: {}", "learned: !x {}"), f"line 10: {ALIEN}"),
    "a tag that runs": (with_("{}", "!!python/object/apply:os.system [ls]"), f"line 10: {ALIEN}"),
    "a merge": (with_("learned: {}", "learned: {<<: {}}"), "variants.learned.<<: unknown key"),
    "a key twice": (
        f"{QUESTION}baseline: rope\n".encode(),
        "line 12: key 'baseline' stands twice; keep one of the two",
    ),
    "a key twice inside": (with_("steps: 20", "steps: 20, steps: 30"), "line 5: key 'steps'"),
    "an unknown key": (f"{QUESTION}basline: rope\n".encode(), "did you mean 'baseline'?"),
    "a key that is a number": (f"{QUESTION}1: 2\n".encode(), "key 1 must be text; put it in"),
    "a key that is nothing": (f"{QUESTION}~: 2\n".encode(), "key None must be text"),
    "a key that is a list": (f"{QUESTION}[a]: 2\n".encode(), "key ['a'] must be text"),
    "a key that is a mapping": (f"{QUESTION}{{a: b}}: 2\n".encode(), "key {'a': 'b'} must be"),
    "a brace too many": (with_("{n_layers", "{{n_layers"), "line 5: expected ',' or '}'"),
    "a quote left open": (
        with_("Which", '"Which'),
        "line 12: found unexpected end of stream, while scanning a quoted scalar of line 1; "
        "close the quotes",
    ),
    "a wrong indent": (with_("  model:", "   model:"), "line 4: expected <block end>"),
    "a colon": (with_("Which", "Now: which"), "line 1: mapping values are not allowed here; put"),
    "an at sign": (with_("Which", "@Which"), "'@' that cannot start any token; put the text in"),
    "cut off": (QUESTION.encode()[:150], "line 5: could not find expected ':'"),
    "an integer of 5000 digits": (with_("20,", "9" * 5000 + ","), "line 5: '99999"),
    "an integer beyond exact floats": (with_("20,", f"{2**53},"), "give less than 2**53"),
    "not a number": (with_("20,", ".nan,"), "line 5: .nan is not a finite number"),
    "an infinity": (with_("20,", "-.inf,"), "line 5: -.inf is not a finite number"),
    "a float that overflows": (with_("20,", "1e999,"), "line 5: 1e999 is not a finite number"),
    "two megabytes": (b"a: b\n" * 400_000, "cannot be a config: it has more than 1,048,576 bytes"),
    "a line of two megabytes": (b"a: " + b"x" * 2**21, "it has more than 1,048,576 bytes"),
    "very many keys": (
        b"".join(b"k%d: 1\n" % i for i in range(50_000)),
        "line 5000: more than 20,000 words and signs; a config is a page or two",
    ),
    "very many values": (b"a: [" + b"1," * 100_000 + b"]", "more than 20,000 words and signs"),
    "lists without an end": (b"a: " + b"[" * 10_000, DEEP),
    "lists in lists": (b"a: " + b"[" * 60 + b"]" * 60, DEEP),
    "mappings in mappings": (b"a: " + b"{a: " * 400 + b"}" * 400, DEEP),
    "no question": (with_("question: Which is better?\n", ""), "question: required, but missing"),
    "an empty question": (with_("Which is better?", '""'), "at least 1 character; got ''"),
    "a question that is a number": (with_("Which is better?", "3"), "a valid string; got 3"),
    "no base": (b"question: q?\n", "base: required, but missing"),
    "a base that is a list": (b"question: q?\nbase: []\n", "base: must be a mapping"),
    "a base that is not there": (b"question: q?\nbase: no.yaml\n", "base: no config 'no.yaml'"),
    "a base without a name": (b'question: q?\nbase: ""\n', "base: no config '': that is no file"),
    "a base that is a folder": (b"question: q?\nbase: .\n", "base: no config '.': that is no file"),
    "a base with a long name": (b"question: q?\nbase: " + b"x" * 5000, "base: no config 'xxx"),
    "a base that is itself": (b"question: q?\nbase: bad.yaml\n", "base.base: unknown key"),
    "several faults": (
        with_("steps: 20", "stps: 20").replace(b"n_heads: 2", b"n_heads: 0"),
        "base.train.stps: unknown key; did you mean 'steps'?",
    ),
}

HANDLED = {
    "a mark of UTF-8": b"\xef\xbb\xbf" + QUESTION.encode(),
    "lines that end as on Windows": QUESTION.replace("\n", "\r\n").encode(),
    "lines that end as they did on a Mac": QUESTION.replace("\n", "\r").encode(),
    "a document's end": f"{QUESTION}...\n".encode(),
    "a document's beginning": f"%YAML 1.1\n---\n{QUESTION}".encode(),
    "a long comment": QUESTION.encode() + b"# " + b"x" * 500_000,
    "markup": with_("Which", "'[bold]Which[/] :x: <script>alert(1)</script>' #"),
}


@pytest.mark.parametrize("name", FILES)
def test_it_is_refused(name: str, asked: Path) -> None:
    content, expected = FILES[name]
    (asked / "bad.yaml").write_bytes(content)
    said = refused("sweep", "bad.yaml", "--dry-run", cwd=asked)
    assert said.startswith("bad.yaml")
    assert expected in said
    assert len(said) < 1500


@pytest.mark.parametrize("name", HANDLED)
def test_it_is_read(name: str, asked: Path) -> None:
    (asked / "odd.yaml").write_bytes(HANDLED[name])
    done = call("sweep", "odd.yaml", "--dry-run", cwd=asked)
    assert done.code == 0, done
    assert "Which" in done.out


def test_what_is_no_file_is_no_config(asked: Path) -> None:
    (asked / "folder.yaml").mkdir()
    (asked / "loop.yaml").symlink_to("loop.yaml")
    (asked / "dangling.yaml").symlink_to("nowhere")
    os.mkfifo(asked / "pipe.yaml")
    for name in ("folder.yaml", "loop.yaml", "dangling.yaml", "pipe.yaml", "/dev/zero", "."):
        for command in ("sweep", "train", "certify", "sizes"):
            what = "size" if command == "sizes" else "config"
            said = refused(command, name, cwd=asked)
            assert f"no {what} {name!r}: that is no file; give the {what}'s file" in said


def test_what_may_not_be_read_is_said(asked: Path) -> None:
    (asked / "q.yaml").chmod(0)
    with as_anyone():
        said = refused("sweep", "q.yaml", cwd=asked)
    assert said == "q.yaml: cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("posnc", "no config 'posnc'; did you mean 'posenc.yaml'?"),
        ("q.yml", "no config 'q.yml'; did you mean 'q.yaml'?"),
        ("q.yaml/x", "no config 'q.yaml/x'; valid: architecture.yaml"),
        ("x" * 300, "no config 'xxx"),
        ("a\x1b[31mb", "no config 'a\\x1b[31mb'; valid: "),
    ],
)
def test_a_name_that_is_misspelt(name: str, expected: str, asked: Path) -> None:
    (asked / "configs").mkdir()
    (asked / "configs" / "q.yaml").write_text(QUESTION)
    assert expected in refused("sweep", name, cwd=asked)
