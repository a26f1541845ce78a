"""Where wandb records: decided here, before wandb is asked, because wandb itself would prompt.

Design choices:
- nothing here imports wandb (0.6 s): presence and login are read from where wandb documents them;
- `auto` is online where a login is configured (and, as a run then finds, a server answers) and
  offline elsewhere; there, and only there, wandb's own WANDB_MODE (or the `mode` that
  `wandb offline` leaves in wandb's settings file) may say offline or disabled; a mode in the config
  is obeyed as it stands;
- the key found is handed to wandb, which then has no reason to ask for one.
"""

import configparser
import importlib.util
import netrc
import os
import sys
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from lab.config.tracking import WandbConfig
from lab.errors import ConfigError

Mode = Literal["online", "offline", "disabled"]

# wandb's own server goes by several names, and `wandb login` may have stored the key under any.
_SERVERS = ("api.forge.coreweave.com", "forge.coreweave.com", "api.wandb.ai")


def resolve_mode(config: WandbConfig) -> Mode:
    """What `config` means on this machine: reads the environment, .netrc and wandb's settings."""
    if config.mode != "auto":
        return config.mode
    wish = os.environ.get("WANDB_MODE") or _settings().get("mode")
    if wish == "disabled":
        return "disabled"
    return "online" if has_login() and wish not in ("offline", "dryrun") else "offline"


def check_mode(config: WandbConfig) -> None:
    """Raise `ConfigError` where a mode that was asked for by name cannot be had."""
    if config.mode not in ("online", "offline"):
        return
    if not is_installed():
        raise ConfigError(
            f"tracking.wandb.mode={config.mode} needs wandb, which is not installed"
            f"{_shadow()}; pip install wandb, or use mode auto"
        )
    if config.mode == "online" and not has_login():
        raise ConfigError(
            f"tracking.wandb.mode=online needs a login, and no key is configured for {server()}; "
            "run `wandb login`, or use mode offline"
        )


def is_installed() -> bool:
    """A folder that is merely named wandb imports as an empty namespace, which is not wandb."""
    if "wandb" in sys.modules:
        return hasattr(sys.modules["wandb"], "init")
    found = importlib.util.find_spec("wandb")
    return found is not None and found.origin is not None


def has_login() -> bool:
    return bool(api_key() or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"))


def api_key() -> str | None:
    """The key for the server in use: from WANDB_API_KEY, .netrc or wandb's settings file."""
    return os.environ.get("WANDB_API_KEY") or _netrc_key() or _settings().get("api_key") or None


def server() -> str:
    """The address of the wandb server in use."""
    configured = os.environ.get("WANDB_BASE_URL") or _settings().get("base_url")
    return (configured or f"https://{_SERVERS[0]}").rstrip("/")


def _netrc_key() -> str | None:
    host = urlsplit(server()).netloc
    try:
        entries = netrc.netrc(_netrc_file())
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return None
    for name in _SERVERS if host in _SERVERS else (host,):
        if (entry := entries.hosts.get(name)) and entry[2]:  # the default entry is no login here
            return entry[2]
    return None


def _netrc_file() -> Path:
    if named := os.environ.get("NETRC"):
        return Path(named).expanduser()
    windows = Path("~/_netrc").expanduser()
    usual = Path("~/.netrc").expanduser()
    return windows if windows.exists() and not usual.exists() else usual


def _settings() -> dict[str, str]:
    """wandb's settings files: the user's, and over it that of the working directory."""
    folder = Path(os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb").expanduser()
    merged: dict[str, str] = {}
    for file in (folder / "settings", Path("wandb/settings")):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(file, encoding="utf-8")
            merged |= dict(parser.items("default"))
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue
    return merged


def _shadow() -> str:
    found = importlib.util.find_spec("wandb") if "wandb" not in sys.modules else None
    places = list(found.submodule_search_locations or ()) if found else []
    return f" (the folder {places[0]} only has its name)" if places else ""
