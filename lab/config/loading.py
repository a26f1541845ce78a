"""From a file and `--set` overrides to a validated config, or one error that names every fault.

Design choices:
- overrides are applied to the plain data, which is then validated once, as a whole;
- a config is a path, or a name that is looked up in `configs/`;
- a size's name stands for its model, in the file and in an override, and later overrides change it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lab.config.base import get, put
from lab.config.checks import variant_faults
from lab.config.explain import config_error, did_you_mean, explained, shown
from lab.config.metric import endpoint_faults
from lab.config.reading import SIZES, look_up, read_mapping
from lab.config.run import RunConfig
from lab.config.sizes import Size, with_sizes
from lab.config.space import LONGEST
from lab.config.sweep import SweepConfig
from lab.config.yaml12 import load_yaml
from lab.errors import ConfigError

SPACE = "tune.space."
RUN_KEYS = tuple(RunConfig.model_fields)


def load_run(
    config: str | Path, *, overrides: Sequence[str] = (), variant: str | None = None
) -> RunConfig:
    """A run from its file; from a question's file, the run of its base or of one variant."""
    path = find(config)
    raw = read_mapping(path)
    if "base" in raw:
        sweep = _sweep(raw, path, overrides)
        return sweep.base if variant is None else _variants(sweep, path)[_known(variant, sweep)]
    if variant is not None:
        raise ConfigError(f"{path} is a single run and has no variant {variant!r}")
    raw = _overridden(raw, overrides, prefix="", source=path)
    try:
        return RunConfig.parse(raw)
    except ValidationError as error:
        raise config_error(str(path), explained(error, RunConfig)) from None


def load_sweep(config: str | Path, *, overrides: Sequence[str] = ()) -> SweepConfig:
    """A question, with every variant, range, choice and fragment of its search tried too."""
    path = find(config)
    sweep = _sweep(read_mapping(path), path, overrides)
    _variants(sweep, path)
    return sweep


def load_size(
    config: str | Path, *, overrides: Sequence[str] = (), vocab_size: int | None = None
) -> Size:
    """A size from its file; from a run's or a question's file, its model with that vocabulary."""
    path = look_up(config, what="size", below=(SIZES, ""))
    raw = read_mapping(path)
    if "base" in raw or "train" in raw:
        if vocab_size is None:
            raise ConfigError(f"{path}: its vocabulary comes from its text; give --vocab-size")
        run = load_run(path, overrides=overrides)
        about = str(raw.get("question", f"The run of {path.name}."))
        return Size(about=about, vocab_size=vocab_size, model=run.model)
    raw = _overridden(raw, overrides, prefix="", source=path)
    try:
        return Size.parse(raw if vocab_size is None else raw | {"vocab_size": vocab_size})
    except ValidationError as error:
        raise config_error(str(path), explained(error, Size)) from None


def find(config: str | Path) -> Path:
    """The file that a path, or a name in `configs/`, means."""
    return look_up(config, what="config")


def _sweep(raw: dict[str, Any], path: Path, overrides: Sequence[str]) -> SweepConfig:
    if isinstance(raw.get("base"), str):
        raw["base"] = _base(raw["base"], path)
    raw = _overridden(raw, overrides, prefix="base.", source=path)
    try:
        return SweepConfig.parse(raw)
    except ValidationError as error:
        raise config_error(str(path), explained(error, SweepConfig)) from None


def _base(name: str, question: Path) -> dict[str, Any]:
    """The run in a file that is named by a question's file, beside it or in `configs/`."""
    try:
        return read_mapping(look_up(name, what="config", beside=question.parent))
    except ConfigError as error:
        raise ConfigError(f"{question}: base: {error}") from None


def _variants(sweep: SweepConfig, path: Path) -> dict[str, RunConfig]:
    if faults := variant_faults(sweep) or endpoint_faults(sweep):
        raise config_error(str(path), faults)
    return {name: sweep.variant(name) for name in sweep.arms}


def _known(variant: str, sweep: SweepConfig) -> str:
    if variant not in sweep.arms:
        raise ConfigError(f"no variant {variant!r}{did_you_mean(variant, list(sweep.arms))}")
    return variant


def _overridden(
    raw: dict[str, Any], overrides: Sequence[str], *, prefix: str, source: Path
) -> dict[str, Any]:
    raw = _sized(raw, str(source))
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals or not path or not all(path.split(".")):
            raise ConfigError(
                f"--set {shown(override)}: must be path=value, such as train.steps=100"
            )
        if len(path) > LONGEST:
            raise ConfigError(f"--set {shown(path)}: a path is shorter than {LONGEST} characters")
        if path.split(".")[0] in RUN_KEYS:
            path = prefix + path
        value = load_yaml(text, source=f"--set {path}")
        if path == "launcher.kind" and (get(raw, path) or value) != value:
            raw["launcher"] = {}  # what was said of another place does not suit this one
        _put(raw, path, value)
        raw = _sized(raw, f"--set {path}")
    return raw


def _sized(raw: dict[str, Any], source: str) -> dict[str, Any]:
    try:
        return with_sizes(raw)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None


def _put(raw: dict[str, Any], path: str, value: Any) -> None:
    """As `put`; but a new entry of the search space is named by a dotted path, taken whole."""
    name = path.removeprefix(SPACE)
    if name != path and get(raw, SPACE[:-1]) is None:
        put(raw, SPACE[:-1], {})
    space = get(raw, SPACE[:-1])
    known = space if isinstance(space, dict) and name != path else None
    if known is not None and not any(f"{name}.".startswith(f"{key}.") for key in known):
        known[name] = value
    else:
        put(raw, path, value)
