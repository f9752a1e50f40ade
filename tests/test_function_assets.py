"""The asset of every function holds what the function imports and no other module."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from checks.app_assemblies import BRANCH, synthesize
from infra.lambda_code import REPOSITORY, LambdaSource

pytestmark = pytest.mark.xdist_group("function assets")  # one synth for all of them
# With this setting the hub has one more function.
SLEEPS = {"sleep": {"after": "20:00", "until": "07:00", "timezone": "Europe/Berlin"}}
ROOMS = ("app_service", "branch_hub", "infra", "lambda_src", "pipeline")
# Imports the function and prints the files of all loaded modules.
LOADED = """
import importlib, json, sys
sys.path.insert(0, ".")
assert callable(importlib.import_module(sys.argv[1]).handler)
print(json.dumps([m.__file__ for m in list(sys.modules.values()) if getattr(m, "__file__", None)]))
"""


@dataclass(frozen=True, kw_only=True)
class Function:
    source: LambdaSource
    loaded: frozenset[Path]


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> list[Function]:
    """Every function of an environment and of the hub, imported from its asset alone."""
    sources: dict[str, LambdaSource] = {}
    code = LambdaSource.code
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            LambdaSource, "code", lambda self: code(sources.setdefault(self.module, self))
        )
        synthesize(tmp_path_factory.mktemp("assembly"), extra={**BRANCH, "branches": SLEEPS})
    return [started(source, tmp_path_factory.mktemp("asset")) for source in sources.values()]


def started(source: LambdaSource, folder: Path) -> Function:
    """Import the function; fails if a module is missing. Packages are those of the tests."""
    for target, path in source.files().items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        (folder / target).write_bytes(path.read_bytes())
    done = subprocess.run(
        [sys.executable, "-I", "-c", LOADED, source.module],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{source.module}: {done.stderr}"
    files = (Path(file).resolve() for file in json.loads(done.stdout))
    own = (file.relative_to(folder) for file in files if file.is_relative_to(folder))
    return Function(source=source, loaded=frozenset(own))


def test_every_function_starts_from_its_asset_alone(functions: list[Function]) -> None:
    entrypoints = {
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
        for room in ROOMS
        for path in (REPOSITORY / room).rglob("entrypoint.py")
    }

    assert {function.source.module for function in functions} == entrypoints


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the repository's code."""
    for room in ROOMS:
        shutil.copytree(REPOSITORY / room, tmp_path / room)
    return tmp_path


def shared_modules(root: Path) -> set[Path]:
    folders = ("lambda_src/shared", "branch_hub/functions/shared")
    return {module for folder in folders for module in (root / folder).glob("*.py")}


def change(module: Path) -> None:
    with module.open("a") as file:
        file.write("# changed\n")


def test_a_change_of_a_module_changes_the_asset_of_every_function_that_imports_it(
    functions: list[Function], copied: Path
) -> None:
    for function in functions:
        source = replace(function.source, root=copied)
        before = source.content_hash()
        for module in sorted(shared_modules(copied) & {copied / file for file in function.loaded}):
            change(module)
            after = source.content_hash()
            assert after != before, f"{source.module} imports {module}"
            before = after


def test_changes_of_modules_that_a_function_does_not_import_leave_its_asset(
    functions: list[Function], copied: Path
) -> None:
    for function in functions:
        source = replace(function.source, root=copied)
        before = source.content_hash()
        for module in shared_modules(copied) - {copied / file for file in function.loaded}:
            change(module)
        assert source.content_hash() == before, source.module
