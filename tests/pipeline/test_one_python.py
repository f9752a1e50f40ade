"""Functions, image and builds run on the Python that `.python-version` names."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.python_version import deployed_python
from tests.delivered import Delivered

REPOSITORY = Path(__file__).resolve().parents[2]
VERSION = deployed_python()


@pytest.fixture(scope="module")
def templates(delivered: Delivered, trunk: Delivered) -> list[dict[str, Any]]:
    """Every stack of a branch and of the trunk."""
    folders = (delivered.outdir, trunk.outdir)
    return [json.loads(f.read_text()) for o in folders for f in o.rglob("*.template.json")]


def of_kind(templates: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    resources = (r for t in templates for r in t.get("Resources", {}).values())
    return [r["Properties"] for r in resources if r["Type"] == kind]


def test_every_function_of_ours_runs_on_it(templates: list[dict[str, Any]]) -> None:
    ours = {
        function["Handler"]: function["Runtime"]
        for function in of_kind(templates, "AWS::Lambda::Function")
        if function.get("Handler", "").endswith(".entrypoint.handler")
    }

    assert {"audit_writer", "intake"} <= {handler.split(".")[-3] for handler in ours}
    assert set(ours.values()) == {f"python{VERSION}"}


def test_every_build_that_uses_python_uses_it(delivered: Delivered, trunk: Delivered) -> None:
    asked = {
        (stage, action["Name"]): version
        for pipeline in (delivered, trunk)
        for stage, actions in pipeline.stages.items()
        for action in actions
        if action["ActionTypeId"]["Provider"] == "CodeBuild"
        for version in [python_of(pipeline.build_spec(stage, action["Name"]))]
        if version
    }

    assert {("Build", "Synth"), ("ProductionApproval", "PermissionGate")} <= asked.keys()
    assert set(asked.values()) == {VERSION}


def test_the_build_that_deploys_pipelines_uses_it(delivered: Delivered) -> None:
    assert delivered.hub is not None
    project = delivered.hub.one("AWS::CodeBuild::Project")

    assert python_of(json.loads(project["Source"]["BuildSpec"])) == VERSION


def python_of(build_spec: dict[str, Any]) -> str | None:
    install: dict[str, Any] = build_spec["phases"].get("install", {})
    versions: dict[str, str] = install.get("runtime-versions", {})
    return versions.get("python")


def test_the_image_is_built_with_it(delivered: Delivered) -> None:
    manifests = [json.loads(f.read_text()) for f in delivered.outdir.rglob("*.assets.json")]
    given = [i["source"]["dockerBuildArgs"] for m in manifests for i in m["dockerImages"].values()]

    assert given
    assert all(arguments["PYTHON_TAG"].startswith(f"{VERSION}.") for arguments in given)


def test_every_stage_of_the_image_is_based_on_that_python() -> None:
    dockerfile = (REPOSITORY / "app_service/Dockerfile").read_text()
    first, *others = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)

    # Not Docker Hub: it refuses anonymous pulls from the addresses that builds share.
    assert first == "public.ecr.aws/docker/library/python:${PYTHON_TAG:?}${PYTHON_DIGEST}"
    assert set(others) == {"base"}
