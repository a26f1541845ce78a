"""YAML as version 1.2 reads it, safely.

Design choices:
- `3e-4` is a number and `no` a string, unlike in YAML 1.1; infinities and NaN are refused;
- duplicate keys are refused, and so are keys that are not text;
- only plain data comes out: no tags, no objects, no aliases that stand for more than they say;
- what is too long or too deep to be written by hand is refused as soon as it shows, token by token:
  a few hundred kilobytes could take minutes otherwise;
- written text that does not begin with a letter is quoted: PyYAML writes for readers of YAML 1.1,
  to whom `1e3` is a word.
"""

import json
import math
import re
import string
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml

from lab.config.explain import shown
from lab.errors import ConfigError

TOKENS = 20_000  # words and signs: some seconds of reading
DEPTH = 50
EXACT = 2**53  # whole numbers below it are floats too
OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
REMEDIES = {  # of what PyYAML says
    "'\\t'": "indent with spaces",
    "cannot start any token": "put the text in quotes",
    "mapping values are not allowed": "put a text with a colon in quotes",
    "unexpected end of stream": "close the quotes",
}
_NOTHING = ": null\n"
_NO_PLACE = "the character U+{:04X} has no place in a config; leave it out"
CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


def load_yaml(text: str, *, source: str, most: int = TOKENS) -> Any:
    """Plain data from YAML 1.2 text of at most so many tokens.

    Raises `ConfigError` with the line of a fault.
    """
    try:
        loader = _Loader(text)
        loader.most = most
        return loader.get_single_data()
    except yaml.reader.ReaderError as error:
        number, code = text.count("\n", 0, error.position) + 1, error.character
        raise ConfigError(f"{source}, line {number}: {_NO_PLACE.format(code)}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{source}{line}: {_said(error)}") from None


def dump_yaml(value: Any) -> str:
    """Plain data as YAML that `load_yaml` gives back, keys in the order given."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
    return text


def dump_parts(value: Mapping[str, Any]) -> str:
    """A mapping as `dump_yaml` writes it. Parts written before are remembered: the configs of a
    sweep have most of theirs in common, down to single lines."""
    return "".join(_part(name, json.dumps(part)) for name, part in value.items())


@lru_cache(maxsize=256)
def _part(name: str, content: str) -> str:
    part, head = json.loads(content), dump_yaml({name: None})
    if not isinstance(part, dict) or not part or head.count("\n") > 1:
        return dump_yaml({name: part})
    inner = dump_parts(part)
    if "\n\n" in inner:  # within a text, where an indentation counts
        return dump_yaml({name: part})
    inner = inner.replace("\n", "\n  ").removesuffix("  ")
    return f"{head.removesuffix(_NOTHING)}:\n  {inner}"


class _Loader(yaml.SafeLoader):
    """Safe YAML with the scalars of YAML 1.2 and without duplicate keys."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012
    most = 0
    depth = read = 0
    began = False

    def get_token(self) -> yaml.Token:
        """The next token, looked at before the parser makes anything of it."""
        token: yaml.Token = super().get_token()  # type: ignore[no-untyped-call]
        self.read += 1
        self.depth += isinstance(token, OPENING) - isinstance(token, CLOSING)
        problem = None
        if isinstance(token, yaml.TagToken | yaml.AnchorToken | yaml.AliasToken):
            problem = "tags, anchors and aliases have no place here; write the value out"
        elif isinstance(token, yaml.DocumentStartToken) and self.began:
            problem = "a second document begins here; keep each in a file of its own"
        elif self.depth > DEPTH:
            problem = f"nested more than {DEPTH} levels deep; a config has less than a dozen"
        elif self.read > self.most:
            problem = f"more than {self.most:,} words and signs; a config is a page or two"
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=token.start_mark)
        self.began |= not isinstance(token, yaml.StreamStartToken | yaml.DirectiveToken)
        return token

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(
                    problem=f"key {shown(key)} must be text; put it in quotes",
                    problem_mark=key_node.start_mark,
                )
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key {shown(key)} stands twice; keep one of the two",
                    problem_mark=key_node.start_mark,
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    """Escapes may spell what nobody can read, or what tells a terminal what to do."""
    text: str = loader.construct_scalar(node)
    if odd := yaml.reader.Reader.NON_PRINTABLE.search(text):
        raise yaml.MarkedYAMLError(
            problem=_NO_PLACE.format(ord(odd.group())), problem_mark=node.start_mark
        )
    return text


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    text = loader.construct_scalar(node)
    value = math.nan if "n" in text.lower() else float(text)  # .nan and .inf
    if not math.isfinite(value):
        raise yaml.MarkedYAMLError(
            problem=f"{node.value} is not a finite number", problem_mark=node.start_mark
        )
    return value


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    if len(text) > 20 or abs(int(text)) >= EXACT:
        raise yaml.MarkedYAMLError(
            problem=f"{shown(text)} is more than any setting takes; give less than 2**53",
            problem_mark=node.start_mark,
        )
    return int(text)


_SCALARS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+", list("-+0123456789")),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
}
for _tag, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first
    )
_Loader.add_constructor("tag:yaml.org,2002:str", _text)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def _said(error: yaml.YAMLError) -> str:
    """What is wrong, where it began, and what would be right."""
    problem = getattr(error, "problem", None) or "is not readable as YAML"
    context, mark = getattr(error, "context", None), getattr(error, "context_mark", None)
    began = f", {context} of line {mark.line + 1}" if context and mark else ""
    remedy = next((f"; {remedy}" for part, remedy in REMEDIES.items() if part in problem), "")
    return f"{problem}{began}{remedy}"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _quoted(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None if text[:1] in string.ascii_letters else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _quoted)
