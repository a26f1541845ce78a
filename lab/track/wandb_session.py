"""One quiet wandb run: how it is opened, where its files lie, and how it is parted with.

Design choices:
- wandb prints nothing, asks nothing and collects nothing about code and machine: provenance is in
  a run's config, as in result.json;
- every file lies under the folder that is given; a package is recorded where it is, not copied, so
  an offline run must be synced before its package is moved;
- what happens here may hang or raise: who calls it does so from a thread that can be left behind.
"""

import os
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from lab.config.tracking import WandbConfig
from lab.track.wandb_mode import api_key, is_installed, resolve_mode

_QUIET = {
    "console": "off",
    "silent": True,
    "quiet": True,
    "disable_code": True,
    "disable_git": True,
    "disable_job_creation": True,
    "label_disable": True,
    "save_code": False,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
    "x_transaction_log_flush_interval": 1.0,  # what kill -9 may lose, in seconds; else 15
}


def open_run(
    config: WandbConfig,
    *,
    folder: Path,
    content: Mapping[str, Any],
    place: Mapping[str, Any],
    finish_timeout: float,
) -> tuple[ModuleType, Any]:
    """Begin or continue a run in `folder`/wandb; returns wandb and the run.

    `content` is the run's config; `place` are the settings that say where it stands among others
    (`run_id`, `run_name`, `run_group`, `run_job_type`, `run_tags`). To finish, wandb has a little
    less than `finish_timeout` seconds, and so a moment to tell what it did not send.
    """
    wandb, mode = _import_wandb(), resolve_mode(config)
    known = wandb.Settings.model_fields  # x_ settings are wandb's own and may go in a release
    quiet = {name: value for name, value in _QUIET.items() if name in known}
    # First for the process: what wandb prints, and whether it calls home, goes by its settings.
    wandb.setup(wandb.Settings(mode=mode, **quiet))
    run = wandb.init(
        dir=folder,
        project=config.project,
        entity=config.entity,
        config=dict(content),
        settings=wandb.Settings(
            mode=mode,
            api_key=api_key() if mode == "online" else None,
            reinit="create_new",
            resume="allow",
            finish_timeout=0.9 * finish_timeout,
            finish_timeout_raises=True,
            stop_fn=lambda: None,  # the web page's stop button: a tracker only watches
            **place,
            **quiet,
        ),
    )
    return wandb, run


def may_be_sent(folder: Path) -> bool:
    """Whether a server may have seen anything of what is recorded in a run's wandb folder.

    `wandb sync` leaves files named alike beside what it sends, and what it has sent; what was
    recorded online is called otherwise.
    """
    return any(folder.glob("run-*")) or any(folder.glob("offline-run-*/*.wandb.sync*"))


def log_package(wandb: ModuleType, run: Any, folder: Path, *, name: str) -> None:
    """Record a package as an artifact of the type model."""
    package = wandb.Artifact(safe_name(name), type="model")
    package.add_dir(str(folder.resolve()), skip_cache=True, policy="immutable")
    run.log_artifact(package)


def safe_name(name: str) -> str:
    """What wandb takes as an id or an artifact's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)[-100:]


def borrow_environment(folder: Path) -> list[str]:
    """Set what wandb takes from the environment only, where the user has not; returns the names.

    Tables are staged in the data folder until they are synced. Error reports would go home from
    offline runs too, and at exit wait ten seconds for a network that does not answer. Set by the
    caller's thread: setting the environment while others read it is not safe.
    """
    ours = {
        "WANDB_DATA_DIR": str(folder.resolve() / "data"),
        "WANDB_CACHE_DIR": str(folder.resolve() / "cache"),
        "WANDB_ERROR_REPORTING": "false",
    }
    names = [name for name in ours if name not in os.environ]
    os.environ |= {name: ours[name] for name in names}
    return names


def give_back_environment(names: Sequence[str]) -> None:
    for name in names:
        os.environ.pop(name, None)


def let_go() -> None:
    """Part with wandb's helper process, for which Python would else wait at exit, perhaps for ever.

    `teardown` first takes back wandb's exit hook and then waits itself: in a thread, for a second.
    """

    def teardown() -> None:
        with suppress(BaseException):
            sys.modules["wandb"].teardown()

    helper: Any = None
    with suppress(Exception):  # a private place: where it has moved, the helper ends in its time
        helper = sys.modules["wandb"].sdk.wandb_setup.singleton()._connection._proc._process
    thread = threading.Thread(target=teardown, name="lab-wandb-teardown", daemon=True)
    thread.start()
    thread.join(timeout=1.0)
    if helper is not None:
        helper.kill()


def _import_wandb() -> ModuleType:
    if not is_installed():
        raise ModuleNotFoundError("wandb is not installed; pip install wandb")
    import wandb

    if not hasattr(wandb, "init"):
        raise ModuleNotFoundError(f"{wandb.__path__} is not wandb; pip install wandb")
    return wandb
