"""B12: which deliveries have the limits that the hub sets, and which have the bootstrap's roles."""

import json
from typing import Any

import pytest

from infra.naming import EnvironmentSuffix
from tests.delivered import Delivered
from tests.infra.templates import text
from tests.pipeline.settings_values import read


def manifest(delivered: Delivered) -> dict[str, Any]:
    """The assembly's artifacts by their names, without those of stages."""
    return dict(json.loads((delivered.outdir / "manifest.json").read_text())["artifacts"])


@pytest.mark.parametrize(
    "context",
    [
        {"branch": "main"},
        {"branch": "main", "promotion": "environment"},
        {"branch": "feature/x", "environmentSuffix": "by-hand"},
    ],
)
def test_b12_the_trunk_and_a_suffix_set_by_hand_are_deployed_with_the_bootstraps_roles(
    context: dict[str, str],
) -> None:
    assert read(**context).limits is None


@pytest.mark.parametrize("suffix", [None, str(EnvironmentSuffix.of_branch("feature/x"))])
def test_b12_every_other_branch_has_the_limits_of_the_repositorys_hub(suffix: str | None) -> None:
    settings = read(branch="feature/x", environmentSuffix=suffix)

    assert settings.limits is not None
    assert settings.limits.hub == settings.hub_suffix


def test_b12_a_branch_is_deployed_after_the_hub_whose_roles_deploy_it(
    delivered: Delivered,
) -> None:
    artifacts = manifest(delivered)
    (hub,) = (name for name in artifacts if name.startswith("BranchHub-") and "." not in name)
    (pipeline,) = (
        name for name in artifacts if name.startswith("DeliveryPipeline-") and "." not in name
    )

    assert hub in artifacts[pipeline]["dependencies"]


def test_b12_the_pipeline_of_a_branch_names_no_role_of_the_bootstrap(delivered: Delivered) -> None:
    artifacts = manifest(delivered)
    (pipeline,) = (
        artifact["properties"]
        for name, artifact in artifacts.items()
        if name.startswith("DeliveryPipeline-") and "." not in name
    )

    assert "role/branch-deploy-role-" in pipeline["assumeRoleArn"]
    assert "role/branch-execution-role-" in pipeline["cloudFormationExecutionRoleArn"]
    assert "role/cdk-" not in text(delivered.pipeline.json)
    for assets in delivered.outdir.rglob("*.assets.json"):
        if "BranchHub" not in assets.name:
            assert "role/cdk-" not in assets.read_text(), assets.name


def test_b12_the_trunk_deploys_its_environments_and_the_hub_with_the_bootstraps_roles(
    trunk: Delivered,
) -> None:
    assert "PermissionsBoundary" not in text(trunk.pipeline.json)
    for stage in ("BranchHub", "Staging", "Production"):
        for action in trunk.stages[stage]:
            if action["ActionTypeId"]["Provider"] == "CloudFormation":
                assert ":role/cdk-hnb659fds-deploy-role-" in text(action["RoleArn"])
