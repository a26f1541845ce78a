"""Where wandb records, for every place that it keeps a login in."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from lab.config.tracking import WandbConfig
from lab.errors import ConfigError
from lab.track.wandb_mode import api_key, check_mode, is_installed, resolve_mode, server

AUTO = WandbConfig()
KEY = "k" * 40


@pytest.fixture
def no_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python that has no wandb, and the folder that it looks for modules in."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    monkeypatch.setattr(sys, "path", [str(folder)])
    return folder


def test_auto_is_offline_without_a_login() -> None:
    assert resolve_mode(AUTO) == "offline"
    assert api_key() is None


def test_auto_is_online_with_a_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert resolve_mode(AUTO) == "online"


def test_auto_is_online_with_an_identity_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_IDENTITY_TOKEN_FILE", "token.jwt")
    assert resolve_mode(AUTO) == "online"
    assert api_key() is None


@pytest.mark.parametrize(
    ("base_url", "machine", "found"),
    [
        (None, "api.wandb.ai", True),
        (None, "api.forge.coreweave.com", True),
        ("https://api.wandb.ai", "api.forge.coreweave.com", True),
        (None, "wandb.example.org", False),
        ("https://wandb.example.org/", "wandb.example.org", True),
        ("http://localhost:8080", "localhost:8080", True),
        ("https://wandb.example.org", "api.wandb.ai", False),
    ],
)
def test_a_key_in_netrc_counts_for_its_server_only(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    base_url: str | None,
    machine: str,
    found: bool,
) -> None:
    (tmp_path / "netrc").write_text(f"machine {machine}\n  login user\n  password {KEY}\n")
    if base_url:
        monkeypatch.setenv("WANDB_BASE_URL", base_url)
        assert server() == base_url.rstrip("/")
    assert resolve_mode(AUTO) == ("online" if found else "offline")


@pytest.mark.parametrize(
    "netrc", ["default login user password secret\n", "machine\n", "machine api.wandb.ai login x\n"]
)
def test_a_netrc_without_such_a_key_is_none(tmp_path: Path, netrc: str) -> None:
    (tmp_path / "netrc").write_text(netrc)
    assert resolve_mode(AUTO) == "offline"


def test_a_home_netrc_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NETRC")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text(f"machine api.wandb.ai login user password {KEY}\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert api_key() == KEY


@pytest.mark.parametrize("folder", ["wandb-config", "wandb"])
def test_settings_files_of_wandb_are_read(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "settings").write_text(
        f"[default]\napi_key = {KEY}\nbase_url = https://wandb.example.org\nproject = 50%\n"
    )
    assert (api_key(), server()) == (KEY, "https://wandb.example.org")
    assert resolve_mode(AUTO) == "online"


@pytest.mark.parametrize("content", ["no section\n", "[other]\nmode = disabled\n"])
def test_a_settings_file_that_says_nothing_counts_for_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "wandb-config").mkdir()
    (tmp_path / "wandb-config" / "settings").write_text(content)
    assert resolve_mode(AUTO) == "offline"


@pytest.mark.parametrize(
    ("wish", "mode"),
    [
        ("disabled", "disabled"),
        ("offline", "offline"),
        ("dryrun", "offline"),
        ("online", "online"),
        ("", "online"),
    ],
)
def test_wandb_mode_counts_in_auto_only(
    monkeypatch: pytest.MonkeyPatch, wish: str, mode: str
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_MODE", wish)
    assert resolve_mode(AUTO) == mode
    for named in ("online", "offline", "disabled"):
        assert resolve_mode(WandbConfig.parse({"mode": named})) == named


def test_wandb_mode_online_without_a_login_is_still_offline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    assert resolve_mode(AUTO) == "offline"


def test_what_wandb_offline_leaves_is_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text("[default]\nmode = offline\n")
    assert resolve_mode(AUTO) == "offline"


def test_online_without_a_login_is_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"mode=online .*no key .*https://.*`wandb login`.*offl"):
        check_mode(WandbConfig(mode="online"))


@pytest.mark.parametrize("mode", ["auto", "offline", "disabled"])
def test_the_other_modes_need_no_login(mode: str) -> None:
    check_mode(WandbConfig.parse({"mode": mode}))


def test_online_with_a_login_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    check_mode(WandbConfig(mode="online"))


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_mode_asked_for_by_name_needs_wandb(no_wandb: Path, mode: str) -> None:
    assert not is_installed()
    with pytest.raises(ConfigError, match=f"mode={mode} needs wandb.*pip install wandb"):
        check_mode(WandbConfig.parse({"mode": mode}))
    check_mode(AUTO)


def test_a_folder_named_wandb_is_not_wandb(no_wandb: Path) -> None:
    (no_wandb / "wandb").mkdir()
    assert not is_installed()
    with pytest.raises(ConfigError, match=r"the folder .*wandb only has its name.*pip install"):
        check_mode(WandbConfig(mode="offline"))


def test_a_namespace_that_was_imported_is_not_wandb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", ModuleType("wandb"))
    assert not is_installed()


def test_wandb_itself_is_wandb() -> None:
    assert is_installed()
