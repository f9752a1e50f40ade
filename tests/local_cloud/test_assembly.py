"""What `make up` synthesizes, and when it deploys the branch hub again."""

import json
import tomllib
from pathlib import Path

import grimp
import pytest

from local_cloud import assembly
from local_cloud.assembly import HUB_SOURCES, cdk_context
from local_cloud.paths import ROOT, CloudPaths
from local_cloud.server import RunningCloud
from pipeline.delivery_settings import DeliverySettings
from pipeline.promotion import ALL_ENVIRONMENTS
from tests.infra.context import CDK_JSON

HUB = "branch_hub.infrastructure.hub_stack"


def test_the_version_of_the_hub_covers_every_module_that_it_imports() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = settings["tool"]["importlinter"]["root_packages"]
    # Without a cache: an old one once hid two imports.
    graph = grimp.build_graph(*packages, cache_dir=None)
    # A package is imported with each of its modules.
    imported = [m for m in graph.find_upstream_modules(HUB) if "." in m]
    files = [f"{module.replace('.', '/')}.py" for module in imported]
    assert [file for file in files if not file.startswith(HUB_SOURCES)] == []


def test_all_stages_run_on_one_machine_without_a_domain(tmp_path: Path) -> None:
    cloud = RunningCloud(pid=1, started_epoch_seconds=0, port=4566, api_port=8443)
    context = cdk_context(CloudPaths(tmp_path), cloud, branch="main", promotion="production")
    settings = DeliverySettings.from_context({**CDK_JSON, **context}.get, defaults=CDK_JSON)
    assert settings.promotions == ALL_ENVIRONMENTS


def test_b13_environments_sleep_here_as_cdk_json_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = {"after": "20:00", "until": "07:00", "timezone": "Europe/Berlin"}
    written = {"context": {**CDK_JSON, "branches": {"sleep": sleep, "quota": 1}}}
    (tmp_path / "cdk.json").write_text(json.dumps(written))
    monkeypatch.setattr(assembly, "ROOT", tmp_path)

    cloud = RunningCloud(pid=1, started_epoch_seconds=0, port=4566, api_port=8443)
    context = cdk_context(CloudPaths(tmp_path), cloud, branch="main", promotion="production")

    assert json.loads(context["branches"])["sleep"] == sleep
    assert json.loads(context["branches"])["quota"] > 1  # no account limits it here
