"""B2, S64: the limits of the teardown's permissions, even if its code is wrong."""

import json
from typing import Final

import pytest
from botocore import xform_name
from botocore.session import get_session
from hypothesis import HealthCheck, assume, given, settings

from branch_hub.functions.shared.stacks import stack_names
from branch_hub.functions.teardown.gone import QUESTIONS
from branch_hub.functions.teardown.listings import LISTINGS
from branch_hub.functions.teardown.names import is_named_for
from infra.naming import EnvironmentSuffix
from lambda_src.shared.branch_suffix import suffix_of_branch
from pipeline.promotion import RESERVED_SUFFIXES
from tests.branch_hub.functions.teardown.arns import ARNS
from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB
from tests.branch_hub.infrastructure.iam import Role
from tests.delivered import SUFFIX, Delivered
from tests.infra.templates import Synthesized
from tests.infra.test_naming import BRANCHES

HERE: Final = "us-east-1:000000000000"
ID: Final = "0a1b2c3d-0000-0000-0000-000000000000"
H: Final = CODECOMMIT_HUB


# The trunk's suffix has the form of every branch's.
TRUNKS: Final = suffix_of_branch("main")
KEPT: Final = (*RESERVED_SUFFIXES, TRUNKS)

# In IAM `*` also matches a slash: a key that looks like the end of a branch's bucket.
LIKE_A_BRANCH: Final = "audit/x-abcdef/y.gz"


def changes(suffix: str, *, key: str = "audit/2026/y.gz") -> list[tuple[str, str]]:
    """Everything that the teardown does to an environment: action and resource."""
    bucket = f"arn:aws:s3:::transaction-audit-000000000000-{suffix}"
    artifacts = f"arn:aws:s3:::transaction-artifacts-000000000000-{suffix}"
    logs = f"arn:aws:logs:{HERE}:log-group:"
    family = f"transaction-service-{suffix}"
    return [
        *(
            ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{HERE}:stack/{name}/{ID}")
            for name in stack_names(suffix)
        ),
        (
            "codepipeline:StopPipelineExecution",
            f"arn:aws:codepipeline:{HERE}:transaction-pipeline-{suffix}",
        ),
        ("s3:DeleteBucketPolicy", bucket),
        ("s3:DeleteObject", f"{artifacts}/source/x.zip"),
        ("s3:DeleteObjectVersion", f"{bucket}/{key}"),
        ("s3:AbortMultipartUpload", f"{artifacts}/x"),
        ("logs:DeleteLogGroup", f"{logs}/aws/lambda/audit-writer-{suffix}:*"),
        ("logs:DeleteLogGroup", f"{logs}/aws/codebuild/transaction-pipeline-{suffix}:*"),
        ("logs:DeleteLogGroup", f"{logs}/aws/rds/cluster/transaction-db-{suffix}/postgresql:*"),
        (
            "logs:DeleteLogGroup",
            f"{logs}/aws/ecs/containerinsights/transaction-cluster-{suffix}/performance:*",
        ),
        ("logs:DeleteLogGroup", f"{logs}/ecs/transaction-service-{suffix}:*"),
        (
            "rds:DeleteDBClusterSnapshot",
            f"arn:aws:rds:{HERE}:cluster-snapshot:before-migration-{suffix}",
        ),
        (
            "ecs:DeleteTaskDefinitions",
            f"arn:aws:ecs:{HERE}:task-definition/{family}:7",
        ),
    ]


@pytest.fixture
def teardown(hub: Synthesized) -> Role:
    return Role.of(hub, f"branch-teardown-role-{H}")


@given(branch=BRANCHES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_b2_every_branchs_environment_can_be_deleted(teardown: Role, branch: str) -> None:
    suffix = str(EnvironmentSuffix.of_branch(branch))
    assume(suffix != TRUNKS)
    holds_a_kept_suffix = any(is_named_for(suffix, kept) for kept in RESERVED_SUFFIXES)

    for action, resource in changes(suffix):
        # A person deletes the snapshots of such a branch: the name may mean staging.
        if not (holds_a_kept_suffix and action == "rds:DeleteDBClusterSnapshot"):
            assert teardown.may(action, resource), (action, resource)


def test_b2_every_log_of_an_environment_can_be_swept(delivered: Delivered, teardown: Role) -> None:
    """The stacks delete most of them; a service may create one again with its last lines."""
    swept = ("/aws/lambda/", "/aws/codebuild/", "/aws/rds/", "/ecs/")
    names = {
        str(resource["Properties"]["LogGroupName"])
        for path in delivered.outdir.rglob("*.template.json")
        if "BranchHub" not in path.name
        for resource in json.loads(path.read_text())["Resources"].values()
        if resource["Type"] == "AWS::Logs::LogGroup"
    }

    assert {name for name in names if not name.startswith(swept)} == {
        f"/aws/vpc/transaction-flow-log-{SUFFIX}",
        f"/aws/fis/transaction-faults-{SUFFIX}",
    }
    for name in names:
        group = f"arn:aws:logs:{HERE}:log-group:{name}:*"
        assert teardown.may("logs:DeleteLogGroup", group) == name.startswith(swept), name


@pytest.mark.parametrize(
    "name",
    [
        "/aws/lambda/orders-worker",
        "/aws/lambda/orders-feature-x-5femoa",
        "/aws/codebuild/nightly-report-worker",
        "/ecs/payroll-worker",
        "/aws/rds/cluster/orders-worker/postgresql",
    ],
)
def test_b2_no_foreign_log_group_is_deleted(teardown: Role, name: str) -> None:
    assert not teardown.may("logs:DeleteLogGroup", f"arn:aws:logs:{HERE}:log-group:{name}:*")


@pytest.mark.parametrize("suffix", KEPT)
@pytest.mark.parametrize("name", ["transaction-db-{}-backup", "{}-before-update", "of-{}-abcdef"])
def test_b2_no_snapshot_of_a_kept_environment_is_deleted_even_with_a_similar_name(
    teardown: Role, suffix: str, name: str
) -> None:
    snapshot = f"arn:aws:rds:{HERE}:cluster-snapshot:{name.format(suffix)}"

    assert not teardown.may("rds:DeleteDBClusterSnapshot", snapshot)


@pytest.mark.parametrize("base", ["before-prestaging", "productions", "upstaging-1"])
def test_b2_a_name_that_only_contains_a_part_of_a_kept_suffix_may_be_deleted(
    teardown: Role, base: str
) -> None:
    """A kept suffix `qa` must not protect `qatar-...`."""
    snapshot = f"arn:aws:rds:{HERE}:cluster-snapshot:{base}-feature-x-5femoa"

    assert teardown.may("rds:DeleteDBClusterSnapshot", snapshot)


@pytest.mark.parametrize("suffix", KEPT)
def test_b2_staging_production_and_the_trunk_cannot_be_deleted(teardown: Role, suffix: str) -> None:
    for action, resource in changes(suffix, key=LIKE_A_BRANCH):
        assert not teardown.may(action, resource), (action, resource)


@pytest.mark.parametrize("suffix", KEPT)
def test_b2_not_even_a_pattern_that_is_too_wide_allows_deleting_them(
    teardown: Role, suffix: str
) -> None:
    """The deny alone protects them, whatever is allowed in the future."""
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    careless = Role(statements=(*teardown.statements, everything))

    for action, resource in changes(suffix):
        assert not careless.may(action, resource), (action, resource)


@pytest.mark.parametrize("suffix", ["dev", "by-hand", "prod", "main"])
def test_b2_an_environment_named_by_hand_cannot_be_deleted(teardown: Role, suffix: str) -> None:
    for action, resource in changes(suffix):
        assert not teardown.may(action, resource), (action, resource)


@pytest.mark.parametrize(
    "name", [f"BranchHub-{H}", "CDKToolkit", "payroll", "transaction-", "payroll-abcdef"]
)
def test_b2_no_foreign_stack_is_deleted(teardown: Role, name: str) -> None:
    stack = f"arn:aws:cloudformation:{HERE}:stack/{name}/{ID}"

    assert not teardown.may("cloudformation:DeleteStack", stack)


def test_b2_a_stack_without_our_tag_is_not_deleted_whatever_its_name(teardown: Role) -> None:
    stack = f"arn:aws:cloudformation:{HERE}:stack/transaction-feature-x-5femoa/{ID}"

    assert teardown.may("cloudformation:DeleteStack", stack, tagged=True)
    assert not teardown.may("cloudformation:DeleteStack", stack, tagged=False)
    (condition,) = (
        s["Condition"]
        for s in teardown.statements
        if s["Effect"] == "Allow" and "cloudformation:DeleteStack" in s["Action"]
    )
    assert condition == {"StringEquals": {"aws:ResourceTag/application": "transaction-pipeline"}}


def test_s64_it_deletes_no_resource_that_a_stack_owns(teardown: Role) -> None:
    """CloudFormation deletes the resources of a stack, with its own role."""
    deletes = {
        a for a in teardown.actions() if a.split(":")[1].startswith(("Delete", "BatchDelete"))
    }

    assert deletes == {
        "cloudformation:DeleteStack",
        "s3:DeleteBucketPolicy",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "logs:DeleteLogGroup",
        "rds:DeleteDBClusterSnapshot",
        "ecs:DeleteTaskDefinitions",
        "ecr:BatchDeleteImage",
        "ec2:DeleteNetworkInterface",
    }
    assert not any(a.startswith(("iam:Pass", "sts:", "lambda:Invoke")) for a in teardown.actions())


# Operations whose IAM action has another name.
_OTHERWISE: Final = {
    "s3:ListBuckets": "s3:ListAllMyBuckets",
}
_PREFIXES: Final = {"elbv2": "elasticloadbalancing"}


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.kind)
def test_b3_it_may_list_every_resource_that_it_must_find(teardown: Role, listing: object) -> None:
    """A listing that is denied would end every run, after all is gone."""
    service, operation = listing.service, listing.operation  # type: ignore[attr-defined]
    names = get_session().get_service_model(service).operation_names
    (called,) = (name for name in names if xform_name(name) == operation)
    action = f"{_PREFIXES.get(service, service)}:{called}"

    assert teardown.may(_OTHERWISE.get(action, action), "*")


@pytest.mark.parametrize(("service", "kind"), QUESTIONS)
def test_b3_it_may_ask_about_every_resource_that_can_be_listed_after_its_deletion(
    teardown: Role, service: str, kind: str
) -> None:
    question = QUESTIONS[service, kind]
    client = question.client or service
    names = get_session().get_service_model(client).operation_names
    (called,) = (name for name in names if xform_name(name) == question.operation)
    arn = ARNS[service, kind].format(suffix=SUFFIX)

    assert teardown.may(f"{service}:{called}", arn), arn
