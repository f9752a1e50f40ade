"""B12: what a branch may do, even if its code and its templates are an attacker's."""

import json
from typing import Final

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from branch_hub.infrastructure.branch_boundary import SERVICES, boundary_statements
from infra.domain import DomainConfig, HostedZone
from infra.naming import EnvironmentSuffix
from pipeline.branch_limits import BranchLimits
from pipeline.promotion import RESERVED_SUFFIXES
from tests.branch_hub.infrastructure.arns import (
    ACCOUNT,
    UNKNOWN_OWNER,
    asked_for,
    rendered,
)
from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB as H
from tests.branch_hub.infrastructure.iam_request import Request, Statement
from tests.branch_hub.infrastructure.limited import (
    BOUNDARY,
    EVERYTHING,
    HERE,
    OTHER_ROLES,
    OWN_ROLES,
    SUFFIXES,
    TRUNKS,
    Limited,
    kept,
    tagged,
    templates_of,
)
from tests.delivered import SUFFIX, Delivered
from tests.infra.templates import Synthesized, as_list


@pytest.fixture
def largest() -> list[Statement]:
    """The boundary with the longest name of a trunk, and with domains of every kind."""
    domains = {
        kind: DomainConfig(
            name=name,
            certificate_arn=f"arn:aws:acm:{HERE}:certificate/0a1b2c3d-0000-0000-0000-00000000000",
            zone=HostedZone(id="Z0123456789ABCDEFGHIJ", name="example.com"),
        )
        for kind, name in (
            ("ephemeral", "*.dev.example.com"),
            ("staging", "staging.dev.example.com"),
            ("production", "pay.example.com"),
        )
    }
    stack = cdk.Stack(env=cdk.Environment(account=ACCOUNT, region="us-east-1"))
    statements = boundary_statements(
        stack,
        limits=BranchLimits(hub=EnvironmentSuffix(H)),
        kept=(*RESERVED_SUFFIXES, "aaaaaaaaa-bbbbbb"),
        domains=domains,
    )
    return list(
        stack.resolve(iam.PolicyDocument(statements=statements, minimize=True))["Statement"]
    )


def test_b12_the_boundary_fits_into_a_managed_policy(largest: list[Statement]) -> None:
    document = {"Version": "2012-10-17", "Statement": rendered(largest)}

    assert len(json.dumps(document, separators=(",", ":"))) <= 6144


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_b12_everything_of_a_branchs_templates_can_be_created_and_deleted(
    delivered: Delivered, branch: Limited, suffix: str
) -> None:
    for stack, resources in templates_of(delivered.outdir):
        own = json.loads(json.dumps(resources).replace(SUFFIX, suffix))
        for asked in asked_for(own, stack=stack.replace(SUFFIX, suffix)):
            for action in (asked.creates, asked.deletes):
                request = Request(action=action, resource=asked.arn, context=tagged(suffix))
                assert branch.asks(request), (action, asked.arn)


def test_b12_every_service_of_a_branchs_templates_is_allowed(delivered: Delivered) -> None:
    """Also of the kinds that the test above leaves out, such as listeners and scaling."""
    prefixes = {
        "applicationautoscaling": "application-autoscaling",
        "elasticloadbalancingv2": "elasticloadbalancing",
        "codestarnotifications": "codestar-notifications",
    }
    for _, resources in templates_of(delivered.outdir):
        for resource in resources.values():
            if resource["Type"].startswith("AWS::"):
                service = resource["Type"].split("::")[1].lower()
                assert prefixes.get(service, service) in (*SERVICES, "iam"), resource["Type"]


def test_b12_no_permission_of_a_branchs_own_roles_is_lost(
    delivered: Delivered, branch: Limited
) -> None:
    """What its templates allow on resources of its own or on all of a kind."""
    for _, resources in templates_of(delivered.outdir):
        for resource in resources.values():
            properties = resource.get("Properties", {})
            documents = [p["PolicyDocument"] for p in properties.get("Policies", [])]
            if resource["Type"] == "AWS::IAM::Policy":
                documents.append(properties["PolicyDocument"])
            for statement in (s for d in documents for s in d["Statement"]):
                for action in as_list(statement["Action"]):
                    if action in ("sts:AssumeRole", "iam:PassRole"):
                        continue  # below
                    # As the statement wants it: the values of its conditions.
                    context = dict(statement.get("Condition", {}).get("StringEquals", {}))
                    own = f"arn:aws:{action.split(':')[0]}:{HERE}:x-{SUFFIX}"
                    request = Request(action=action, resource=own, context=context)
                    assert branch.asks(request), (action, context)


@pytest.mark.parametrize("allowed", ["by the boundary", "by a boundary that allows everything"])
def test_b12_nothing_of_staging_production_and_the_trunk_can_be_changed(
    trunk: Delivered, boundary: list[Statement], allowed: str
) -> None:
    """The denials alone suffice: another service may be allowed in the future."""
    wider = [EVERYTHING] if "everything" in allowed else []
    branch = Limited([*wider, *boundary])

    for stack, _, tags, asked in kept(trunk):
        request = Request(action=asked.deletes, resource=asked.arn, context=tags)
        assert not branch.asks(request), (stack, asked.deletes, asked.arn)


# Their resources are denied by the tags: IAM knows these for every action of the services.
TAGS_SUFFICE: Final = ("codebuild", "elasticloadbalancing", "kms", "secretsmanager")


def test_b12_what_has_a_name_of_ours_is_denied_by_its_name_alone(
    trunk: Delivered, branch: Limited
) -> None:
    """Some services do not tell IAM the tags of a resource for every action."""
    for stack, _, _, asked in kept(trunk):
        if asked.is_named and not asked.deletes.startswith(TAGS_SUFFICE):
            assert not branch.may(asked.deletes, asked.arn), (stack, asked.arn)


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("codepipeline:StartPipelineExecution", f"codepipeline:{HERE}:transaction-pipeline-{{}}"),
        (
            "codepipeline:PutApprovalResult",
            f"codepipeline:{HERE}:transaction-pipeline-{{}}/ProductionApproval/Approval",
        ),
        ("codebuild:StartBuild", f"codebuild:{HERE}:project/transaction-synth-{{}}"),
        (
            "codebuild:StartBuild",
            f"codebuild:{HERE}:project/transaction-pipeline-{{}}-selfupdate",
        ),
    ],
)
def test_b12_the_pipeline_of_the_trunk_cannot_be_started_or_approved(
    branch: Limited, action: str, arn: str
) -> None:
    assert not branch.may(action, f"arn:aws:{arn.format(TRUNKS)}")


@pytest.mark.parametrize("suffix", [*RESERVED_SUFFIXES, TRUNKS])
@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("s3:DeleteObject", "s3:::transaction-audit-000000000000-{}/audit/2026/y.gz"),
        ("s3:PutObject", "s3:::transaction-artifacts-000000000000-{}/source/x.zip"),
        ("s3:PutBucketPolicy", "s3:::transaction-audit-000000000000-{}"),
        ("ecs:ExecuteCommand", f"ecs:{HERE}:task/transaction-cluster-{{}}/0a1b"),
        ("lambda:InvokeFunction", f"lambda:{HERE}:function:schema-migrator-{{}}:7"),
        ("dynamodb:Query", f"dynamodb:{HERE}:table/transaction-sessions-{{}}/index/by-user"),
        ("logs:GetLogEvents", f"logs:{HERE}:log-group:/ecs/transaction-service-{{}}:log-stream:a"),
        (
            "logs:DeleteLogGroup",
            f"logs:{HERE}:log-group:/aws/rds/cluster/transaction-db-{{}}/postgresql",
        ),
        (
            "rds:RestoreDBClusterFromSnapshot",
            f"rds:{HERE}:cluster-snapshot:rds:transaction-db-{{}}-2026-11-26-03-10",
        ),
    ],
)
def test_b12_what_belongs_to_a_resource_of_a_kept_environment_is_denied(
    branch: Limited, suffix: str, action: str, arn: str
) -> None:
    assert not branch.may(action, f"arn:aws:{arn.format(suffix)}")


def test_b12_keys_secrets_and_networks_of_others_are_denied_by_their_tags(branch: Limited) -> None:
    for suffix in (*RESERVED_SUFFIXES, TRUNKS):
        for action, arn in (
            ("kms:PutKeyPolicy", f"arn:aws:kms:{HERE}:key/0a1b"),
            ("kms:Decrypt", f"arn:aws:kms:{HERE}:key/0a1b"),
            ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{HERE}:secret:x-0a1b2c"),
            (
                "elasticloadbalancing:RegisterTargets",
                f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/transaction-tg/0a1b",
            ),
            ("ec2:CreateNetworkInterface", f"arn:aws:ec2:{HERE}:subnet/subnet-0a"),
            ("ec2:AcceptVpcPeeringConnection", f"arn:aws:ec2:{HERE}:vpc/vpc-0a"),
            ("ec2:CreateTags", f"arn:aws:ec2:{HERE}:vpc/vpc-0a"),
        ):
            theirs = Request(action=action, resource=arn, context=tagged(suffix))
            own = Request(action=action, resource=arn, context=tagged(SUFFIX))
            assert branch.asks(own)
            assert not branch.asks(theirs), (action, suffix)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:PutItem", f"dynamodb:{HERE}:table/transaction-branches-{H}"),
        ("codebuild:StartBuild", f"codebuild:{HERE}:project/branch-pipelines-{H}"),
        ("codebuild:UpdateProject", f"codebuild:{HERE}:project/branch-pipelines-{H}"),
        ("lambda:UpdateFunctionCode", f"lambda:{HERE}:function:branch-teardown-{H}"),
        ("lambda:InvokeFunction", f"lambda:{HERE}:function:branch-teardown-{H}"),
        ("events:PutEvents", f"events:{HERE}:event-bus/branch-events-{H}"),
        ("events:PutRule", f"events:{HERE}:rule/branch-events-{H}/mine"),
        ("states:StartExecution", f"states:{HERE}:stateMachine:branch-destroy-{H}"),
        ("secretsmanager:GetSecretValue", f"secretsmanager:{HERE}:secret:branch-hub-{H}-AbCdEf"),
        ("sns:Subscribe", f"sns:{HERE}:branch-notices-{H}"),
        ("ecr:PutImage", f"ecr:{HERE}:repository/branch-images-{H}"),
        ("ecr:DeleteRepository", f"ecr:{HERE}:repository/branch-images-{H}"),
    ],
)
def test_b12_the_hub_cannot_be_changed_or_asked_for_anything(
    branch: Limited, action: str, resource: str
) -> None:
    assert not branch.may(action, f"arn:aws:{resource}")


@pytest.mark.parametrize("suffix", [*RESERVED_SUFFIXES, TRUNKS])
def test_b12_a_branch_cannot_take_the_name_of_a_role_of_a_kept_environment(
    branch: Limited, suffix: str
) -> None:
    """It would be unique, and the environment could not be deployed."""
    role = f"{OWN_ROLES}transaction-service-role-{suffix}"
    request = Request(
        action="iam:CreateRole", resource=role, context={"iam:PermissionsBoundary": BOUNDARY}
    )

    assert not branch.asks(request)


def test_b12_certificates_are_told_apart(github_hub: Synthesized) -> None:
    """By the tag of one that an environment signs, by the ARN of one for a domain (see TRUNK)."""
    policy = github_hub.one("AWS::IAM::ManagedPolicy")
    branch = Limited(list(rendered(policy["PolicyDocument"]["Statement"])))

    def may(name: str, certificate: str = "mine") -> bool:
        arn = f"arn:aws:acm:us-east-1:111111111111:certificate/{certificate}"
        tags = {"aws:ResourceTag/Name": f"transaction-certificate-{name}"}
        return branch.asks(Request(action="acm:ImportCertificate", resource=arn, context=tags))

    assert may(SUFFIX)
    assert not may("production")
    assert not may(SUFFIX, "0a1b")


def test_b12_a_branch_sets_names_of_branches_alone_in_a_zone_that_production_shares(
    largest: list[Statement],
) -> None:
    branch = Limited(largest)
    zone = "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"

    def may(name: str, zone: str = zone) -> bool:
        key = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
        change = "route53:ChangeResourceRecordSets"
        return branch.asks(Request(action=change, resource=zone, context={key: name}))

    assert may(f"{SUFFIX}.dev.example.com")
    assert not may("pay.example.com")
    assert not may("staging.dev.example.com")
    assert not may(f"{SUFFIX}.dev.example.com", "arn:aws:route53:::hostedzone/Z9")


@pytest.mark.parametrize(
    ("action", "context"),
    [
        ("ec2:CreateNetworkAclEntry", {}),
        ("ec2:ReplaceNetworkAclEntry", {"aws:ResourceTag/environment-suffix": SUFFIX}),
        ("ec2:DeleteNetworkAcl", {"aws:ResourceTag/managedByFIS": "false"}),
        ("ec2:CreateTags", {"aws:RequestTag/managedByFIS": "true"}),
        ("ec2:CreateTags", {"ec2:CreateAction": "CreateVpc"}),
    ],
)
def test_b12_network_rules_are_changed_by_drills_alone(
    branch: Limited, action: str, context: dict[str, str]
) -> None:
    """The default rules of a network have no tags. Those that FIS creates have its tag."""
    acl = f"arn:aws:ec2:{HERE}:network-acl/acl-0a"
    of_a_drill = {
        "aws:ResourceTag/managedByFIS": "true",
        "ec2:CreateAction": "CreateNetworkAcl",
    }

    assert branch.asks(Request(action=action, resource=acl, context=of_a_drill))
    assert not branch.asks(Request(action=action, resource=acl, context=context))


@pytest.mark.parametrize("suffix", [*RESERVED_SUFFIXES, TRUNKS])
def test_b12_a_branch_neither_starts_a_drill_of_a_kept_environment_nor_cuts_it_off(
    branch: Limited, suffix: str
) -> None:
    for action, resource in (
        ("fis:StartExperiment", f"arn:aws:fis:{HERE}:experiment-template/EXT0a"),
        ("ec2:ReplaceNetworkAclAssociation", f"arn:aws:ec2:{HERE}:subnet/subnet-0a"),
    ):
        own = Request(action=action, resource=resource, context=tagged(SUFFIX))
        theirs = Request(action=action, resource=resource, context=tagged(suffix))
        assert branch.asks(own)
        assert not branch.asks(theirs), (action, suffix)


def test_b12_a_log_group_has_a_policy_and_the_account_gets_none(branch: Limited) -> None:
    own = f"arn:aws:logs:{HERE}:log-group:/aws/fis/transaction-faults-{SUFFIX}"

    assert branch.may("logs:PutResourcePolicy", own)
    assert not branch.may("logs:PutResourcePolicy", "*")
    assert not branch.may("logs:PutResourcePolicy", own.replace(SUFFIX, "production"))


def test_b12_the_hubs_key_is_denied_by_the_tag_of_the_hub(branch: Limited) -> None:
    key = Request(
        action="kms:PutKeyPolicy",
        resource=f"arn:aws:kms:{HERE}:key/0a1b",
        context={"aws:ResourceTag/branch-hub": H},
    )

    assert not branch.asks(key)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:PutObject", f"s3:::cdk-hnb659fds-assets-{ACCOUNT}-us-east-1/branch-files-{H}/0a.zip"),
        ("s3:PutObject", f"s3:::cdk-hnb659fds-assets-{ACCOUNT}-us-east-1/0a.zip"),
        ("s3:PutBucketPolicy", f"s3:::cdk-hnb659fds-assets-{ACCOUNT}-us-east-1"),
        ("ecr:PutImage", f"ecr:{HERE}:repository/cdk-hnb659fds-container-assets-x"),
        ("ssm:PutParameter", f"ssm:{HERE}:parameter/cdk-bootstrap/hnb659fds/version"),
        ("cloudformation:UpdateStack", f"cloudformation:{HERE}:stack/CDKToolkit/0a"),
        ("cloudformation:CreateStack", f"cloudformation:{HERE}:stack/transaction-{SUFFIX}/0a"),
        ("cloudformation:UpdateStack", f"cloudformation:{HERE}:stack/payroll/0a"),
        ("codecommit:GitPush", f"codecommit:{HERE}:transaction-pipeline"),
    ],
)
def test_b12_bootstrap_stacks_and_repository_cannot_be_changed(
    branch: Limited, action: str, resource: str
) -> None:
    assert not branch.may(action, f"arn:aws:{resource}")


@pytest.mark.parametrize("role", OTHER_ROLES)
@pytest.mark.parametrize(
    "action",
    [
        "sts:AssumeRole",
        "iam:PassRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:PutRolePolicy",
        "iam:AttachRolePolicy",
        "iam:DeleteRole",
        "iam:TagRole",
    ],
)
def test_b12_no_role_that_is_not_a_branchs_can_be_used_or_changed(
    branch: Limited, role: str, action: str
) -> None:
    """Of this account and of the account that production is in."""
    request = Request(action=action, resource=role, context={"iam:PermissionsBoundary": BOUNDARY})

    assert not branch.asks(request)


@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"])
def test_b12_every_role_that_a_branch_creates_has_the_same_boundary(
    branch: Limited, action: str
) -> None:
    role = f"{OWN_ROLES}mine"
    another = f"arn:aws:iam::{ACCOUNT}:policy/mine"

    def may(**context: str) -> bool:
        return branch.asks(Request(action=action, resource=role, context=context))

    assert may(**{"iam:PermissionsBoundary": BOUNDARY})
    assert not may(**{"iam:PermissionsBoundary": another})
    assert not may()


@pytest.mark.parametrize(
    "action",
    [
        "iam:DeleteRolePermissionsBoundary",
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:SetDefaultPolicyVersion",
        "iam:CreateUser",
        "iam:CreateAccessKey",
        "iam:CreateLoginProfile",
        "iam:CreateOpenIDConnectProvider",
        "iam:AddRoleToInstanceProfile",
        "iam:UpdateAccountPasswordPolicy",
        "organizations:LeaveOrganization",
        "account:CloseAccount",
        "ec2:RunInstances",
        "ec2:DisableEbsEncryptionByDefault",
        "ec2:ReplaceNetworkAclEntry",
        "fis:InjectApiInternalError",
        "s3:CreateAccessPoint",
        "s3:PutAccountPublicAccessBlock",
        "codebuild:ImportSourceCredentials",
        "events:PutPermission",
        "cloudtrail:StopLogging",
    ],
)
@pytest.mark.parametrize("resource", ["*", BOUNDARY, f"{OWN_ROLES}mine"])
def test_b12_neither_the_boundary_nor_the_account_can_be_changed(
    branch: Limited, action: str, resource: str
) -> None:
    assert not branch.may(action, resource)


def test_b12_the_documented_gaps_are_the_kinds_that_a_branch_has(delivered: Delivered) -> None:
    found = {
        resource["Type"]
        for _, resources in templates_of(delivered.outdir)
        for resource in resources.values()
    }

    assert {kind for kind in UNKNOWN_OWNER if kind not in found} == set()
