"""YAML as version 1.2 reads it, safely.

Design choices:
- `3e-4` is a number and `no` a string, unlike in YAML 1.1; infinities and NaN are refused;
- duplicate keys are refused, and so are keys that are not text;
- only plain data comes out: no tags, no objects, no aliases that stand for more than they say;
- written text that does not begin with a letter is quoted: PyYAML writes for readers of YAML 1.1,
  to whom `1e3` is a word.
"""

import math
import re
import string
from typing import Any

import yaml

from lab.errors import ConfigError


def load_yaml(text: str, *, source: str) -> Any:
    """Plain data from YAML 1.2 text; raises `ConfigError` with the line of a fault."""
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.TagToken | yaml.AnchorToken | yaml.AliasToken):
                raise yaml.MarkedYAMLError(
                    problem="tags, anchors and aliases have no place here",
                    problem_mark=token.start_mark,
                )
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "is not readable as YAML"
        raise ConfigError(f"{source}{line}: {problem}") from None
    except RecursionError:
        raise ConfigError(f"{source}: nested too deeply") from None


def dump_yaml(value: Any) -> str:
    """Plain data as YAML that `load_yaml` gives back, keys in the order given."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
    return text


class _Loader(yaml.SafeLoader):
    """Safe YAML with the scalars of YAML 1.2 and without duplicate keys."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(
                    problem=f"key {key!r} must be text", problem_mark=key_node.start_mark
                )
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key {key!r} stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


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
    if len(text) > 20:
        raise yaml.MarkedYAMLError(
            problem=f"an integer of {len(text)} digits", problem_mark=node.start_mark
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
_Loader.add_constructor("tag:yaml.org,2002:float", _number)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None if text[:1] in string.ascii_letters else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
