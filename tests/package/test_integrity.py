"""Whatever is changed, taken away from or added to a package is found and named."""

import os
import random
import shutil
import socket
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lab.errors import PackageError
from lab.package.layout import FILES
from lab.package.read import load_package
from lab.package.verify import outline, verify
from tests.package.conftest import PROVENANCE, Parts

ALL = (*FILES, "manifest.json")
CHANGES = 500


def test_a_change_of_any_byte_is_refused_by_the_name_of_its_file(package: Path) -> None:
    """At random places, all files alike likely, to any other value."""
    drawn, whole = random.Random(7), {name: (package / name).read_bytes() for name in ALL}
    for number in range(CHANGES):
        name = ALL[number % len(ALL)]
        content, place = whole[name], drawn.randrange(len(whole[name]))
        other = bytes([content[place] ^ drawn.randrange(1, 256)])
        (package / name).write_bytes(content[:place] + other + content[place + 1 :])
        with pytest.raises(PackageError) as caught:
            verify(package)
        said = str(caught.value).replace(str(package), "")
        assert name in said, (name, place)
        assert "\n" not in said
        (package / name).write_bytes(content)
    verify(package)


@pytest.mark.parametrize("name", ALL)
def test_a_file_that_is_cut_short_or_grows_is_named(package: Path, name: str) -> None:
    content = (package / name).read_bytes()
    for cut in (b"", content[:1], content[: len(content) // 2], content[:-1]):
        (package / name).write_bytes(cut)
        with pytest.raises(PackageError, match=name):
            verify(package)
    for more in (b"\n", b"\0", content):
        (package / name).write_bytes(content + more)
        with pytest.raises(PackageError, match=name):
            verify(package)


@pytest.mark.parametrize("name", ALL)
def test_a_file_that_went_missing_is_named(package: Path, name: str) -> None:
    (package / name).unlink()
    with pytest.raises(PackageError, match=f"{name} is missing"):
        load_package(package)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero has no end
    except PermissionError:
        pytest.skip("only root makes devices")


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's name may not be long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


MADE: dict[str, Callable[[Path], object]] = {
    "file": lambda path: path.write_text("x"),
    "empty file": lambda path: path.touch(),
    "folder": lambda path: path.mkdir(),
    "link": lambda path: path.symlink_to("config.yaml"),
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path),
    "link out": lambda path: path.symlink_to("/etc/hostname"),
    "hard link": lambda path: path.hardlink_to(path.parent / "config.yaml"),
    "pipe": _pipe,
    "device": _device,
    "socket": _socket,
}


@pytest.mark.parametrize("kind", MADE)
def test_whatever_is_added_is_named(package: Path, kind: str) -> None:
    MADE[kind](package / "more")
    with pytest.raises(PackageError, match="'more' was added, remove it"):
        verify(package)


@pytest.mark.parametrize("kind", [kind for kind in MADE if kind not in ("file", "empty file")])
@pytest.mark.parametrize("name", ["config.yaml", "model.safetensors", "manifest.json"])
def test_nothing_but_a_file_is_taken_for_one(package: Path, kind: str, name: str) -> None:
    """A pipe is not waited for, a link not followed; another name for the same file is the file."""
    (package / name).rename(package.parent / "aside")
    if kind == "hard link":
        (package / name).hardlink_to(package.parent / "aside")
        verify(package)
        return
    MADE[kind](package / name)
    with pytest.raises(PackageError, match=f"{name} is .*not a regular file"):
        load_package(package)


NAMES = {
    ".hidden": "'.hidden'",
    ".DS_Store": "'.DS_Store'",
    "Config.yaml": "'Config.yaml'",  # another name here, the same elsewhere
    "config.yaml ": "'config.yaml '",
    "config.yaml.": "'config.yaml.'",  # Windows drops the dot
    "config.yaml\n": r"'config.yaml\n'",
    "\u0441onfig.yaml": r"'\u0441onfig.yaml'",  # a Cyrillic letter
    "config\u200b.yaml": r"'config\u200b.yaml'",  # a space of no width
    "\u202elmay.gifnoc": r"'\u202elmay.gifnoc'",  # written from right to left
    "CON": "'CON'",
    "metrics.csv:hidden": "'metrics.csv:hidden'",  # a second stream of a file, on Windows
    "..config": "'..config'",
    os.fsdecode(b"\xff\xfe"): r"'\udcff\udcfe'",
    "x" * 255: f"'{'x' * 55}...'",
}


@pytest.mark.parametrize("name", NAMES)
def test_no_name_passes_for_another(package: Path, name: str) -> None:
    (package / name).touch()
    with pytest.raises(PackageError) as caught:
        verify(package)
    assert f"{NAMES[name]} was added, remove it" in str(caught.value)
    assert str(caught.value).isprintable()
    (package / name).unlink()
    (package / "config.yaml").rename(package / name)
    with pytest.raises(PackageError, match=r"config\.yaml is missing"):
        verify(package)


def test_a_folder_full_of_files_is_not_listed_whole(package: Path) -> None:
    for number in range(1500):
        (package / f"{number}").touch()
    with pytest.raises(PackageError, match=r"was added, remove it.*and more") as caught:
        verify(package)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", ALL)
def test_files_that_two_packages_exchange_are_named(
    package: Path, make_parts: Callable[..., Parts], tmp_path: Path, name: str
) -> None:
    other = make_parts(seed=2, d_model=16, tokenizer="bpe")
    other.metrics_csv.write_text("step,val/loss\n0,5.5\n100,2.0\n")
    theirs = other.write(tmp_path / "other", run="another", provenance={**PROVENANCE, "threads": 2})
    mine = (package / name).read_bytes()
    shutil.copy(theirs / name, package / name)
    (theirs / name).write_bytes(mine)
    for folder in (package, theirs):
        with pytest.raises(PackageError) as caught:
            verify(folder)
        named = str(caught.value).replace(str(folder), "")
        assert name in named or name == "manifest.json"  # which vouches for all the others


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int32])
def test_weights_of_another_type_are_refused(
    package: Path, reseal: Callable[..., None], dtype: torch.dtype
) -> None:
    path = package / "model.safetensors"
    save_file({name: tensor.to(dtype) for name, tensor in load_file(path).items()}, path)
    with pytest.raises(PackageError, match=r"model\.safetensors"):
        verify(package)
    reseal(package)
    with pytest.raises(PackageError, match=r"model\.safetensors holds .*not F32 alone"):
        load_package(package)


def test_weights_of_another_shape_are_refused(package: Path, reseal: Callable[..., None]) -> None:
    path = package / "model.safetensors"
    tensors = load_file(path)
    name = next(name for name, tensor in tensors.items() if tensor.ndim == 2)
    save_file({**tensors, name: tensors[name].reshape(1, -1)}, path)
    reseal(package)
    with pytest.raises(PackageError, match=f"{name} has shape"):
        load_package(package)


def test_a_package_that_was_moved_zipped_and_renamed_is_the_same(
    package: Path, tmp_path: Path
) -> None:
    ids = torch.tensor([[1, 2, 3]])
    before = load_package(package)
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", package))
    with pytest.raises(PackageError, match="it is an archive, and a package is a folder: unpack"):
        load_package(archive)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path / "a new näme")
    after = load_package(shutil.move(tmp_path / "a new näme", tmp_path / "moved"))
    assert after.manifest == before.manifest
    assert after.model(ids).equal(before.model(ids))


def test_names_and_sizes_are_known_without_a_look_into_the_files(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.package.verify.hash_plain", lambda *_, **__: pytest.fail("was read"))
    assert outline(package).run == "learned-1-0123abcd"


@pytest.mark.parametrize("folder", ["x" * 5000, "a\0b", "/dev/null", "/proc/self/mem", ""])
def test_a_path_that_leads_nowhere_is_a_sentence(folder: str) -> None:
    with pytest.raises(PackageError) as caught:
        verify(folder)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_replaced_after_it_was_verified_is_not_used(
    package: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one of the same size; those that are not read after that are not used either."""

    def verified_and_then_replaced(folder: Path) -> object:
        manifest = verify(folder)
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-5] + bytes([content[-5] ^ 1]) + content[-4:])
        return manifest

    monkeypatch.setattr("lab.package.read.verify", verified_and_then_replaced)
    if name == "metrics.csv":
        assert load_package(package).manifest.metrics["val/loss"] == 2.5
        return
    with pytest.raises(PackageError, match=f"{name} was changed while it was read"):
        load_package(package)


def test_a_file_that_becomes_a_link_after_it_was_verified_is_not_followed(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verified_and_then_replaced(folder: Path) -> object:
        manifest = verify(folder)
        (folder / "config.yaml").rename(tmp_path / "elsewhere")
        (folder / "config.yaml").symlink_to(tmp_path / "elsewhere")
        return manifest

    monkeypatch.setattr("lab.package.read.verify", verified_and_then_replaced)
    with pytest.raises(PackageError, match=r"config\.yaml was changed while it was read"):
        load_package(package)
