"""The app as a person runs it: `python app.py`, context from outside, files or one clear line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.context import REPOSITORY, UNBUNDLED


def run_app(outdir: Path, **context: object) -> subprocess.CompletedProcess[str]:
    """What the CDK CLI does: the context of cdk.json, of its flags and its own in one variable."""
    said = {**UNBUNDLED, "aws:cdk:enable-path-metadata": True, **context}
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "app.py")],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "CDK_CONTEXT_JSON": json.dumps(said),
            "CDK_OUTDIR": str(outdir),
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("app") / "cdk.out"
    done = run_app(outdir, branch="feature/x")
    assert done.returncode == 0, done.stderr
    return outdir


def test_s3_one_pipeline_holds_one_environment(assembly: Path) -> None:
    stacks = [
        artifact["properties"]["stackName"]
        if "stackName" in artifact["properties"]
        else artifact["displayName"]
        for manifest in sorted(assembly.rglob("manifest.json"))
        for artifact in json.loads(manifest.read_text())["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    ]

    assert sorted(stacks) == ["DeliveryPipeline-feature-x-5femoa", "transaction-feature-x-5femoa"]


def test_wrong_context_is_one_clear_line_and_nothing_is_written(tmp_path: Path) -> None:
    done = run_app(tmp_path / "cdk.out", source={"kind": "svn"})

    assert done.returncode == 1
    assert done.stderr == "error: source.kind is 'svn': it must be one of github, codecommit\n"
    assert not (tmp_path / "cdk.out" / "manifest.json").exists()
