"""`npm install -g package@version` in a build: links a known package, never changes the machine."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from local_cloud.codebuild.environment import install_npm


def make_package(folder: Path, name: str, version: str, commands: object) -> None:
    package = folder / name
    package.mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"version": version, "bin": commands}))
    (package / "run").write_text(f"#!/bin/sh\necho {name} {version}\n")
    (package / "run").chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout with two packages, and a stub of npm that prints its arguments."""
    root = tmp_path / "my machine"
    make_package(root / "checkout/node_modules", "aws-cdk", "2.1.0", {"cdk": "run"})
    make_package(root / "checkout/node_modules", "@scope/tool", "1.0.0", "run")
    (root / "real").mkdir()
    (root / "real/npm").write_text('#!/bin/sh\necho "real npm $*"\n')
    (root / "real/npm").chmod(0o755)
    install_npm(root / "bin", root / "checkout")
    return root


def npm(machine: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["npm", *arguments],
        env={
            "PATH": f"{machine}/bin:{machine}/real:{os.environ['PATH']}",
            "NPM_CONFIG_PREFIX": f"{machine}/prefix",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_checkouts_own_version_is_linked_and_runs(machine: Path) -> None:
    assert npm(machine, "install", "-g", "aws-cdk@2.1.0") == "up to date: aws-cdk@2.1.0\n"
    npm(machine, "i", "--global", "aws-cdk@2.1.0", "@scope/tool@1.0.0")
    run = subprocess.run([machine / "prefix/bin/cdk"], capture_output=True, text=True, check=True)
    assert run.stdout == "aws-cdk 2.1.0\n"
    assert (machine / "prefix/bin/tool").exists()


def test_an_installed_version_is_not_installed_again(machine: Path) -> None:
    make_package(machine / "prefix/lib/node_modules", "aws-cdk", "9.9.9", {})
    assert npm(machine, "install", "-g", "aws-cdk@9.9.9") == "up to date: aws-cdk@9.9.9\n"
    # The checkout has 2.1.0, but a real installation of another version must be replaced by npm.
    assert npm(machine, "install", "-g", "aws-cdk@2.1.0").startswith("real npm install -g")


@pytest.mark.parametrize(
    "line",
    [
        "ci",
        "install aws-cdk@2.1.0",
        "install -g aws-cdk",
        "install -g aws-cdk@latest",
        "install -g aws-cdk@2.1.1",
        "install -g --force aws-cdk@2.1.0",
    ],
)
def test_other_calls_are_passed_to_the_real_npm(machine: Path, line: str) -> None:
    assert npm(machine, *line.split()) == f"real npm {line}\n"
