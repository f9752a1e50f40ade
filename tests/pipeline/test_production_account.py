"""Production in its own account: the same gate and approval, with that account's roles."""

import json
import subprocess

from tests.delivered import Delivered
from tests.infra.context import REPOSITORY
from tests.infra.templates import as_list, text

HERE, THERE = "111111111111", "222222222222"


def account_of(found: Delivered, stage: str, name: str) -> set[str]:
    """The accounts that the roles of an action are in."""
    written = text(found.action(stage, name).get("RoleArn"))
    return {account for account in (HERE, THERE) if f"::{account}:role/" in written}


def test_only_production_is_deployed_by_the_other_accounts_roles(
    across_accounts: Delivered,
) -> None:
    for step in ("Prepare", "Deploy"):
        assert account_of(across_accounts, "BranchHub", step) == {HERE}
        assert account_of(across_accounts, "Staging", f"transaction-staging.{step}") == {HERE}
        assert account_of(across_accounts, "Production", f"transaction-production.{step}") == {
            THERE
        }


def test_b5_the_gate_and_the_approval_are_before_production_in_another_account(
    across_accounts: Delivered,
) -> None:
    gate, approval = across_accounts.stages["ProductionApproval"]
    role = across_accounts.project("ProductionApproval", "PermissionGate")["ServiceRole"]
    assumed = [
        statement["Resource"]
        for policy in across_accounts.pipeline.properties("AWS::IAM::Policy")
        if {"Ref": role["Fn::GetAtt"][0]} in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "sts:AssumeRole" in as_list(statement["Action"])
    ]

    assert (gate["Name"], approval["Name"]) == ("PermissionGate", "Approval")
    # It compares with what is deployed there.
    assert assumed == [f"arn:aws:iam::{THERE}:role/cdk-hnb659fds-lookup-role-{THERE}-us-east-1"]


def test_s63_the_other_account_decrypts_artifacts_with_the_pipelines_key(
    across_accounts: Delivered,
) -> None:
    key, properties = across_accounts.pipeline.only("AWS::KMS::Key")
    store = across_accounts.pipeline.one("AWS::CodePipeline::Pipeline")["ArtifactStore"]
    readers = [
        statement["Action"]
        for statement in properties["KeyPolicy"]["Statement"]
        if f"::{THERE}:role/cdk-hnb659fds-deploy-role-" in text(statement["Principal"])
    ]

    assert store["EncryptionKey"]["Id"] == {"Fn::GetAtt": [key, "Arn"]}
    assert readers == [["kms:Decrypt", "kms:DescribeKey"]]


def test_without_another_account_no_other_account_has_access(trunk: Delivered) -> None:
    policies = [
        *trunk.pipeline.properties("AWS::KMS::Key"),
        *trunk.pipeline.properties("AWS::S3::BucketPolicy"),
    ]

    assert THERE not in json.dumps(policies)
    assert account_of(trunk, "Production", "transaction-production.Deploy") == set()


def test_the_pipeline_conforms_to_the_cloudformation_specification(
    across_accounts: Delivered,
) -> None:
    (template,) = across_accounts.outdir.glob("DeliveryPipeline-*.template.json")

    done = subprocess.run(
        ["cfn-lint", str(template)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")
