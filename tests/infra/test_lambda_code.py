"""One commit always gives the same asset, and an asset holds all that its function imports."""

import atexit
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from infra import lambda_code, trust
from infra.errors import ConfigurationError
from infra.lambda_code import LambdaSource
from infra.migrator import MIGRATOR_SOURCE
from infra.processors import PROCESSOR_SOURCE
from infra.python_version import deployed_python, lambda_runtime
from tests.infra.context import CDK_JSON

GREETER = """
import json

import boto3

def handler(event, context):
    from lambda_src.shared import words
    return words.WORD
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with two functions, one shared module, and no packages to install."""
    files = {
        "lambda_src/__init__.py": "",
        "lambda_src/shared/__init__.py": "",
        "lambda_src/shared/words.py": "WORD = 'hello'",
        "lambda_src/shared/numbers.py": "ONE = 1",
        "lambda_src/greeter/__init__.py": "",
        "lambda_src/greeter/entrypoint.py": GREETER,
        "lambda_src/other/entrypoint.py": "from lambda_src.shared import numbers",
        "lambda_src/requirements.txt": "# nothing\n",
        "elsewhere/root.pem": "certificate",
        "elsewhere/more/other.pem": "certificate",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


@pytest.fixture(autouse=True)
def fresh_packages() -> Iterator[None]:
    lambda_code.installed_packages.cache_clear()
    yield
    lambda_code.installed_packages.cache_clear()


def greeter(root: Path, **more: Any) -> LambdaSource:
    return LambdaSource(module="lambda_src.greeter.entrypoint", root=root, **more)


def tree(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def needs_a_package(root: Path) -> None:
    (root / "lambda_src/shared/words.py").write_text("import pg8000")
    (root / "lambda_src/requirements.txt").write_text("pg8000==1.0\n")  # without a hash


def test_an_asset_holds_what_its_function_imports_and_what_it_names(
    root: Path, tmp_path: Path
) -> None:
    source = greeter(root, also=(("elsewhere", "trust"),))

    source.bundle(tmp_path / "asset")

    assert tree(tmp_path / "asset") == {
        "lambda_src/__init__.py",
        "lambda_src/shared/__init__.py",
        "lambda_src/shared/words.py",
        "lambda_src/greeter/__init__.py",
        "lambda_src/greeter/entrypoint.py",
        "trust/root.pem",
        "trust/more/other.pem",
    }
    assert source.handler == "lambda_src.greeter.entrypoint.handler"


def test_the_asset_of_a_function_without_packages_holds_none(root: Path, tmp_path: Path) -> None:
    (root / "lambda_src/requirements.txt").write_text("pip would refuse this\n")

    greeter(root).bundle(tmp_path / "asset")

    assert all(name.startswith("lambda_src/") for name in tree(tmp_path / "asset"))


@pytest.mark.parametrize(
    "changed",
    [
        "lambda_src/shared/words.py",
        "lambda_src/greeter/entrypoint.py",
        "lambda_src/requirements.txt",
        "elsewhere/root.pem",
    ],
)
def test_a_change_of_any_file_in_an_asset_changes_its_hash(root: Path, changed: str) -> None:
    needs_a_package(root)
    source = greeter(root, also=(("elsewhere/root.pem", "trust/root.pem"),))
    before = source.content_hash()

    with (root / changed).open("a") as file:
        file.write("# changed\n")

    assert source.content_hash() != before


def test_a_file_that_moves_changes_the_hash(root: Path) -> None:
    def source(target: str) -> LambdaSource:
        return greeter(root, also=(("elsewhere/root.pem", target),))

    assert source("trust/root.pem").content_hash() != source("root.pem").content_hash()


def test_a_file_outside_the_asset_does_not_change_its_hash(root: Path) -> None:
    before = greeter(root).content_hash()

    for other in ("other/entrypoint.py", "shared/numbers.py"):
        (root / "lambda_src" / other).write_text("# changed\n")
    (root / "lambda_src/requirements.txt").write_text("# changed\n")
    cache = root / "lambda_src/greeter/__pycache__"
    cache.mkdir()
    (cache / "entrypoint.cpython-311.pyc").write_bytes(b"compiled by a test run")

    assert greeter(root).content_hash() == before


def test_a_missing_file_fails_the_synth(root: Path) -> None:
    source = greeter(root, also=(("elsewhere/none.pem", "none.pem"),))

    with pytest.raises(ConfigurationError, match=r"none\.pem: a Lambda asset needs this file"):
        source.content_hash()


def test_a_module_that_does_not_exist_is_refused(root: Path) -> None:
    source = LambdaSource(module="lambda_src.nobody.entrypoint", root=root)

    with pytest.raises(ConfigurationError, match=r"lambda_src\.nobody\.entrypoint: there is no"):
        source.files()


@pytest.mark.parametrize("statement", ["from . import words", "from .words import WORD"])
def test_a_relative_import_is_followed(root: Path, statement: str) -> None:
    (root / "lambda_src/shared/entrypoint.py").write_text(statement)
    source = LambdaSource(module="lambda_src.shared.entrypoint", root=root)

    assert "words.py" in {path.name for path in source.files()}


def test_packages_that_cannot_be_installed_stop_the_synth(root: Path, tmp_path: Path) -> None:
    needs_a_package(root)

    with pytest.raises(ConfigurationError, match=r"pip could not install .*requirements\.txt"):
        greeter(root).bundle(tmp_path / "asset")


def test_packages_are_installed_once_for_all_assets(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in for pip writes a package, and a script that belongs to this machine."""
    calls = []

    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        target = Path(command[command.index("--target") + 1])
        (target / "bin").mkdir()
        (target / "bin/tool").write_text(f"#!{sys.executable}")
        (target / "package.py").write_text("")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    needs_a_package(root)

    greeter(root).bundle(tmp_path / "one")
    greeter(root).bundle(tmp_path / "two")

    assert len(calls) == 1
    assert {"--require-hashes", "--no-compile"} <= set(calls[0])
    for asset in ("one", "two"):
        assert "package.py" in tree(tmp_path / asset)
        assert "bin/tool" not in tree(tmp_path / asset)


@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_synth_leaves_no_packages_in_the_temporary_folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exit_code: int
) -> None:
    """Whether pip succeeds or fails. The test runs the registered exit functions itself."""
    exit_functions: list[Callable[[], object]] = []

    def register(function: Callable[..., object], *values: Any, **options: Any) -> None:
        exit_functions.append(partial(function, *values, **options))

    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        (Path(command[command.index("--target") + 1]) / "package.py").write_text("")
        return subprocess.CompletedProcess(command, exit_code, "", "")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(subprocess, "run", pip)
    monkeypatch.setattr(atexit, "register", register)
    (tmp_path / "temporary").mkdir()
    needs_a_package(root)

    with suppress(ConfigurationError):
        greeter(root).bundle(tmp_path / "asset")
    assert list((tmp_path / "temporary").rglob("package.py"))
    for exit_function in exit_functions:
        exit_function()

    assert list((tmp_path / "temporary").iterdir()) == []


def test_an_asset_has_the_same_hash_whether_it_is_bundled_or_not(
    root: Path, tmp_path: Path
) -> None:
    """The first `cdk deploy` of the pipeline does not bundle the assets that its synth bundles."""

    def asset_of(outdir: str, context: dict[str, Any]) -> tuple[str, set[str]]:
        app = cdk.App(outdir=str(tmp_path / outdir), context={**CDK_JSON, **context})
        stack = cdk.Stack(app, "Stack")
        lambda_.Function(
            stack,
            "Greeter",
            runtime=lambda_runtime(deployed_python()),
            handler="unused",
            code=greeter(root).code(),
        )
        artifact = app.synth().get_stack_by_name("Stack")
        (asset,) = (
            a["Properties"]["Code"]["S3Key"]
            for a in artifact.template["Resources"].values()
            if a["Type"] == "AWS::Lambda::Function"
        )
        folder = tmp_path / outdir / f"asset.{asset.removesuffix('.zip')}"
        return asset, tree(folder)

    bundled, files = asset_of("bundled", {})
    skipped, nothing = asset_of("skipped", {"aws:cdk:bundling-stacks": []})

    assert bundled == skipped
    assert "lambda_src/greeter/entrypoint.py" in files
    assert nothing == set()


def test_the_ca_bundle_is_in_the_assets_of_the_database_clients() -> None:
    expected = Path(trust.ca_file_for_functions(None))

    assert expected in PROCESSOR_SOURCE.files()
    assert expected in MIGRATOR_SOURCE.files()


def test_the_asset_of_the_migrator_holds_every_migration() -> None:
    held = {p.name for p in MIGRATOR_SOURCE.files() if p.suffix == ".sql"}

    folder = lambda_code.REPOSITORY / "app_service" / "migrations"
    assert held == {path.name for path in folder.glob("*.sql")}
    assert held
