"""config.yaml of a package: the resolved run, in the YAML 1.2 that the lab reads.

Design choices:
- anchors, aliases, tags and deep nesting are refused on reading: this file never has any, and
  they can cost more memory and time than there is.
"""

from pathlib import Path

import yaml
from pydantic import ValidationError

from lab.config.adopted import AdoptedConfig
from lab.config.explain import explained
from lab.config.run import RunConfig
from lab.config.yaml12 import load_yaml
from lab.errors import ConfigError, PackageError
from lab.package.shown import one_line

MAX_DEPTH = 32

_OPENING = (
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
)
_CLOSING = (yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken, yaml.BlockEndToken)


def read_config(content: bytes, *, path: Path) -> RunConfig | AdoptedConfig:
    """The run, or, where the model was trained elsewhere, its origin; `path` is where it lay.

    Raises `PackageError` with every fault of the file.
    """
    kind: type[RunConfig | AdoptedConfig] = RunConfig
    try:
        text = content.decode()
        _refuse_surprises(text)
        raw = load_yaml(text, source=str(path))
        adopted = isinstance(raw, dict) and "origin" in raw
        kind = AdoptedConfig if adopted else RunConfig
        return kind.parse(raw)
    except ValidationError as error:
        faults = one_line("; ".join(explained(error, kind)))
        raise PackageError(
            f"{path} is not a run of this lab: {faults}. Read it with the lab that wrote it"
        ) from None
    except (ConfigError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = one_line(str(error).replace("\n", " ").removeprefix(f"{path}: "))
        raise PackageError(f"{path} cannot be read ({reason}): package the run again") from None


def _refuse_surprises(text: str) -> None:
    """Raises `ConfigError` for what this file never has, at the first place where it stands."""
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        line = token.start_mark.line + 1
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken | yaml.TagToken):
            raise ConfigError(f"line {line}: anchors, aliases and tags have no place in it")
        depth += isinstance(token, _OPENING)
        depth -= isinstance(token, _CLOSING)
        if depth > MAX_DEPTH:
            raise ConfigError(f"line {line}: nested more than {MAX_DEPTH} levels deep")
