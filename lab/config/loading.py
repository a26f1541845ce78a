"""From a file and `--set` overrides to a validated config, or one error that names every fault.

Design choices:
- overrides are applied to the plain data, which is then validated once, as a whole;
- a config is a path, or a name that is looked up in `configs/`.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lab.config.base import get, put
from lab.config.explain import config_error, did_you_mean, explained
from lab.config.run import RunConfig
from lab.config.sweep import SweepConfig
from lab.config.yaml12 import load_yaml
from lab.errors import ConfigError

RUN_KEYS = tuple(RunConfig.model_fields)
OUTSIDE = ("train.checkpoint_every",)
SHIPPED = Path(__file__).parents[2] / "configs"


def load_run(
    config: str | Path, *, overrides: Sequence[str] = (), variant: str | None = None
) -> RunConfig:
    """A run from its file; from a question's file, the run of its base or of one variant."""
    path = find(config)
    raw = _read_mapping(path)
    if "base" in raw:
        sweep = _sweep(raw, path, overrides)
        return sweep.base if variant is None else _variants(sweep, path)[_known(variant, sweep)]
    if variant is not None:
        raise ConfigError(f"{path} is a single run and has no variant {variant!r}")
    _override(raw, overrides, prefix="")
    try:
        return RunConfig.parse(raw)
    except ValidationError as error:
        raise config_error(str(path), explained(error, RunConfig)) from None


def load_sweep(config: str | Path, *, overrides: Sequence[str] = ()) -> SweepConfig:
    """A question, with every variant and both ends of every range validated too."""
    path = find(config)
    sweep = _sweep(_read_mapping(path), path, overrides)
    _variants(sweep, path)
    return sweep


def find(config: str | Path) -> Path:
    """The file that a path, or a name in `configs/`, means."""
    path = Path(config)
    folders = [Path("configs"), SHIPPED]
    for candidate in [path, *(folder / path for folder in folders)]:
        for file in (candidate, Path(f"{candidate}.yaml")):
            with suppress(OSError):  # a name too long for a file
                if file.is_file():
                    return file
    names = sorted({file.name for folder in folders for file in folder.glob("*.yaml")})
    raise ConfigError(f"no config {str(config)!r}{did_you_mean(path.name, names)}")


def _sweep(raw: dict[str, Any], path: Path, overrides: Sequence[str]) -> SweepConfig:
    if isinstance(raw.get("base"), str):
        beside = path.parent / raw["base"]
        raw["base"] = _read_mapping(beside if beside.is_file() else find(raw["base"]))
    _override(raw, overrides, prefix="base.")
    try:
        return SweepConfig.parse(raw)
    except ValidationError as error:
        raise config_error(str(path), explained(error, SweepConfig)) from None


def _variants(sweep: SweepConfig, path: Path) -> dict[str, RunConfig]:
    faults: list[str] = []
    resolved: dict[str, RunConfig] = {}
    base = sweep.base.dump()
    for name, fragment in sweep.variants.items():
        before = len(faults)
        faults += [
            f"variants.{name}.{key}: all variants must read the same text; "
            "ask about another corpus in another sweep"
            for key in fragment
            if key.split(".")[0] == "data" and not key.startswith("data.tokenizer")
        ]
        faults += [
            f"variants.{name}.{key}: changes no number of a run, so there is nothing to compare"
            if key != "seed"
            else f"variants.{name}.seed: seeds are given by the plan; set base.seed"
            for key in fragment
            if key.split(".")[0] in ("seed", "device", "tracking") or key in OUTSIDE
        ]
        faults += _check(sweep.base, fragment, f"variants.{name}.")
        if len(faults) > before:
            continue
        run = resolved[name] = sweep.variant(name)
        faults += [
            f"variants.{name}: resolves to the same run as {other!r}"
            for other, config in resolved.items()
            if other != name and config == run
        ]
        for setting, span in sweep.tune.space.items() if sweep.tune else ():
            if setting.split(".")[0] == "tracking":
                faults.append(f"tune.space.{setting}: changes no number of a run")
            elif setting in fragment:
                faults.append(f"variants.{name}.{setting}: is tuned, so no variant may fix it")
            elif not isinstance(get(run.dump(), setting), float):
                near = did_you_mean(setting, _float_paths(base))
                faults.append(f"tune.space.{setting}: not a number of this run{near}")
            else:
                for end in ("low", "high"):
                    value = getattr(span, end)
                    faults += _check(run, {setting: value}, f"tune.space.{end} of ")
    if faults:
        raise config_error(str(path), list(dict.fromkeys(faults)))
    return resolved


def _check(base: RunConfig, changes: dict[str, Any], prefix: str) -> list[str]:
    try:
        base.replaced(changes)
    except ValidationError as error:
        return explained(error, RunConfig, prefix=prefix)
    return []


def _float_paths(raw: dict[str, Any], prefix: str = "") -> list[str]:
    paths: list[str] = []
    for key, value in raw.items():
        if isinstance(value, dict):
            paths += _float_paths(value, f"{prefix}{key}.")
        elif isinstance(value, float):
            paths.append(prefix + key)
    return paths


def _known(variant: str, sweep: SweepConfig) -> str:
    if variant not in sweep.variants:
        raise ConfigError(f"no variant {variant!r}{did_you_mean(variant, sweep.variants)}")
    return variant


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    raw = load_yaml(text, source=str(path))
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise ConfigError(f"{path}: must be a mapping of keys to values")
    return raw


def _override(raw: dict[str, Any], overrides: Sequence[str], *, prefix: str) -> None:
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals or not path or not all(path.split(".")):
            raise ConfigError(f"--set {override}: must be path=value, such as train.steps=100")
        if path.split(".")[0] in RUN_KEYS:
            path = prefix + path
        put(raw, path, load_yaml(text, source=f"--set {path}"))
