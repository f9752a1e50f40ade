"""B9: tools of another lock or another Python are replaced, the right ones are kept."""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from toolchain import setup
from toolchain.report import run


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with lock files; its virtual environment is real, its packages are not."""
    for lock in setup.LOCKS:
        (tmp_path / lock).parent.mkdir(exist_ok=True)
        (tmp_path / lock).write_text(lock)
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.delenv("TOOLCHAIN_CACHE", raising=False)
    for part in ("install_uv", "install_packages", "install_checkov", "compile_packages"):
        monkeypatch.setattr(setup, part, nothing)
    monkeypatch.setattr(setup, "run", run_quickly)
    monkeypatch.setattr(setup, "uv_environment", nothing)
    monkeypatch.setattr(setup, "what_is_wrong", nothing)
    monkeypatch.setattr(setup, "install_node_modules", install_node_modules)
    return tmp_path


def nothing(*_: Any, **__: Any) -> None:
    """A part of set-up that is tested elsewhere."""


def run_quickly(what: str, command: Sequence[str | Path], **options: Any) -> None:
    """Create the virtual environment without pip, which takes seconds and is not used here."""
    run(what, [*command, "--without-pip"], **options)


def install_node_modules(home: Path) -> None:
    (home / "node_modules").mkdir()


def fails(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def left_over(root: Path) -> Path:
    """A file in the virtual environment that only an older one can have."""
    file = root / ".venv" / "left-over"
    file.parent.mkdir(exist_ok=True)
    file.touch()
    return file


def works(root: Path) -> bool:
    return (root / ".venv" / "bin" / "python").exists() and (root / "node_modules").exists()


def test_b9_tools_that_are_ready_are_kept(root: Path) -> None:
    setup.main()
    kept = left_over(root)
    setup.main()
    assert kept.exists()


def test_b9_after_an_interruption_set_up_starts_from_the_beginning(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as interrupted:
        interrupted.setattr(setup, "install_packages", fails)
        with pytest.raises(KeyboardInterrupt):
            setup.main()
    unfinished = left_over(root)
    setup.main()
    assert works(root)
    assert not unfinished.exists()


@pytest.mark.parametrize(
    ("what", "value"), [("version", "3.99.1 (main)"), ("base_prefix", "/elsewhere")]
)
def test_b9_the_environment_of_another_python_is_replaced(
    root: Path, monkeypatch: pytest.MonkeyPatch, what: str, value: str
) -> None:
    setup.main()
    others = left_over(root)
    monkeypatch.setattr(sys, what, value)
    setup.main()
    assert works(root)
    assert not others.exists()


def test_b9_the_tools_of_another_lock_are_replaced(root: Path) -> None:
    setup.main()
    others = left_over(root)
    (root / setup.PYTHON_LOCK).write_text("another release")
    setup.main()
    assert works(root)
    assert not others.exists()


def test_b9_an_activated_environment_can_be_replaced(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.main()
    monkeypatch.setattr(sys, "executable", str(root / ".venv" / "bin" / "python3"))
    (root / setup.PYTHON_LOCK).write_text("another release")
    setup.main()
    assert works(root)


def test_b9_wrong_packages_are_reported_and_not_used(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(*_: Any, **__: Any) -> str:
        return "one file is another"

    with monkeypatch.context() as broken:
        broken.setattr(setup, "what_is_wrong", wrong)
        with pytest.raises(SystemExit):
            setup.main()
    said = capsys.readouterr().err.splitlines()[-1]
    assert "one file is another" in said
    assert "make setup" in said
    assert not setup.is_ready(root, setup.toolchain_key())


def test_b9_if_set_up_fails_the_old_tools_stay(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them not even `make down` would work."""
    setup.main()
    kept = left_over(root)
    (root / setup.PYTHON_LOCK).write_text("another release, and no network")
    monkeypatch.setattr(setup, "install_node_modules", fails)
    with pytest.raises(KeyboardInterrupt):
        setup.main()
    assert kept.exists()
    assert works(root)
    assert not setup.is_ready(root, setup.toolchain_key())


def test_b9_of_two_set_ups_at_once_the_second_waits_and_uses_the_tools_of_the_first(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    created: list[Path] = []

    def install_slowly(home: Path) -> None:
        created.append(home)
        others.submit(setup.main)
        install_node_modules(home)

    monkeypatch.setattr(setup, "install_node_modules", install_slowly)
    with ThreadPoolExecutor() as others:
        setup.main()
    assert created == [root]
    assert works(root)


def test_b9_checkouts_with_the_same_lock_share_their_tools(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a build machine: files in the place of the links are replaced."""
    monkeypatch.setenv("TOOLCHAIN_CACHE", str(tmp_path_factory.mktemp("cache")))
    left_over(root)
    setup.main()
    shared = (root / ".venv").resolve()
    assert (root / ".venv").is_symlink()
    assert works(root)
    for name in setup.TOOLS:
        (root / name).unlink()
    setup.main()
    assert (root / ".venv").resolve() == shared
