"""S4, S67: the checks before every deployment, and the tests that `make test` adds."""

import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from pipeline.reports import COVERAGE, FOLDER, UNIT_TESTS
from tests.infra.context import REPOSITORY
from tests.pipeline import without_make

ROOMS = {"app_service", "branch_hub", "infra", "lambda_src", "operations", "page", "pipeline"}
TESTS = {
    "tests/checks",
    "tests/test_app.py",
    "tests/test_function_assets.py",
    *(f"tests/{room}" for room in ROOMS),
}


def commands(target: str) -> list[list[str]]:
    """The commands that make would run for `target`, each as a list of words."""
    done = subprocess.run(
        ["make", "--dry-run", target],
        cwd=REPOSITORY,
        env=without_make.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if not line.startswith("export PATH=")]


def pytest_runs(target: str) -> list[list[str]]:
    return [command for command in commands(target) if command[:3] == ["python", "-m", "pytest"]]


def paths(run: list[str]) -> set[str]:
    return {word for word in run if word.partition("/")[0] == "tests"}


def test_s4_the_gate_runs_the_tests_of_what_is_deployed_and_no_others() -> None:
    (run,) = pytest_runs("check-deployed")

    assert paths(run) == TESTS


def test_s67_all_of_what_is_deployed_must_be_covered_by_its_own_tests() -> None:
    coverage = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["coverage"]
    (run,) = pytest_runs("check-deployed")

    assert set(coverage["run"]["source"]) == ROOMS
    assert coverage["run"]["branch"] is True
    assert {"--cov", "--cov-fail-under=100"} <= set(run)


def test_the_gate_writes_the_reports_that_the_build_collects() -> None:
    (run,) = pytest_runs("check-deployed")

    assert f"--junitxml={FOLDER}/{UNIT_TESTS}" in run
    assert f"--cov-report=xml:{FOLDER}/{COVERAGE}" in run


@pytest.mark.parametrize("target", ["check-deployed", "test"])
def test_s4_format_types_imports_dockerfile_and_security_are_checked(target: str) -> None:
    words = [word for command in commands(target) for word in command]
    rooms = {str(Path(word)) for word in words}

    for program in (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy", "."]):
        assert " ".join(program) in " ".join(words)
    assert {"lint-imports", "hadolint", "bandit"} <= set(words)
    assert rooms >= {*ROOMS, "app.py", "app_service/Dockerfile"}


def test_make_test_runs_the_gate_and_every_other_test() -> None:
    gate, others = pytest_runs("test")

    assert [gate] == pytest_runs("check-deployed")
    assert paths(others) == {"tests"}
    ignored = {w.removeprefix("--ignore=") for w in others if w.startswith("--ignore=")}
    assert ignored == TESTS
