"""B11: preflight compares the installed tools with the pinned ones."""

import json
import subprocess
from pathlib import Path

import pytest

from operations.preflight import tools as module
from operations.preflight.tools import tools
from tests.infra.context import REPOSITORY


def project(folder: Path, *, cdk: str | None = "2.0.0") -> Path:
    (folder / "package.json").write_text(
        json.dumps({"devDependencies": {"aws-cdk": "2.0.0", "cdk-assets": "4.0.0"}})
    )
    lock = (REPOSITORY / "requirements.txt").read_text()
    (folder / "requirements.txt").write_text(lock)
    for name, version in (("aws-cdk", cdk), ("cdk-assets", "4.0.0")):
        if version is not None:
            (folder / "node_modules" / name).mkdir(parents=True)
            file = folder / "node_modules" / name / "package.json"
            file.write_text(json.dumps({"version": version}))
    return folder


def lines(folder: Path) -> list[str]:
    return [str(finding) for finding in tools(folder)]


def test_b11_pinned_tools_are_fine(tmp_path: Path) -> None:
    assert [line for line in lines(project(tmp_path)) if not line.startswith("fine")] == []


@pytest.mark.parametrize("cdk", ["2.1.0", None])
def test_b11_another_version_or_none_says_make_setup(tmp_path: Path, cdk: str | None) -> None:
    assert f"to do: tools: aws-cdk is {cdk}, and 2.0.0 is pinned: make setup" in lines(
        project(tmp_path, cdk=cdk)
    )


def test_b11_a_missing_python_package_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PYTHON_PACKAGES", ("no-such-package",))

    assert "to do: tools: no-such-package is None, and no version is pinned: make setup" in lines(
        project(tmp_path)
    )


def test_b11_an_old_python_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PYTHON_MIN", (99,))

    assert lines(project(tmp_path))[0].startswith("to do: tools: Python is 3.")


def node(folder: Path, script: str) -> None:
    file = folder / "bin" / "node"
    file.parent.mkdir()
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "start"),
    [
        ("echo v18.0.0", "to do: tools: node is 18.0.0, and 24."),
        ("exit 1", "to do: tools: node does not run"),
    ],
)
def test_b11_another_node_first_on_path_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, start: str
) -> None:
    node(tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert subprocess.run(["node"], check=False).returncode in (0, 1)

    assert lines(project(tmp_path))[-1].startswith(start)
