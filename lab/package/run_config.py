"""config.yaml of a package: the resolved run, in the YAML 1.2 that the lab reads, and as safely."""

from pathlib import Path

from pydantic import ValidationError

from lab.config.adopted import AdoptedConfig
from lab.config.explain import explained
from lab.config.run import RunConfig
from lab.config.yaml12 import load_yaml
from lab.errors import ConfigError, PackageError
from lab.package.shown import one_line


def read_config(content: bytes, *, path: Path) -> RunConfig | AdoptedConfig:
    """The run, or, where the model was trained elsewhere, its origin; `path` is where it lay.

    Raises `PackageError` with every fault of the file.
    """
    kind: type[RunConfig | AdoptedConfig] = RunConfig
    try:
        raw = load_yaml(content.decode(), source=str(path))
        adopted = isinstance(raw, dict) and "origin" in raw
        kind = AdoptedConfig if adopted else RunConfig
        return kind.parse(raw)
    except ValidationError as error:
        faults = one_line("; ".join(explained(error, kind)))
        raise PackageError(
            f"{path} is not a run of this lab: {faults}. Read it with the lab that wrote it"
        ) from None
    except (ConfigError, UnicodeDecodeError) as error:
        reason = one_line(str(error).replace("\n", " ").removeprefix(str(path)).lstrip(":, "))
        raise PackageError(f"{path} cannot be read ({reason}): package the run again") from None
