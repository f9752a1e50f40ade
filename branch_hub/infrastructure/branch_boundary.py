"""The permissions boundary: the most that any role of a branch may do, whatever its policies say.

It allows the services that a branch's stacks use, and denies the trunk, its environments and the
hub. Facts about IAM come from these pages:

* Delegation: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
* No wildcard as service of an ARN, so that every pattern is written for each service:
  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
* At most 6,144 characters:
  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from collections.abc import Iterator, Mapping
from typing import Final

from aws_cdk import DefaultStackSynthesizer, Stack
from aws_cdk import aws_iam as iam

from branch_hub.infrastructure.hub import ANY_BRANCH
from infra.config import EPHEMERAL
from infra.domain import ANY_SUFFIX, DomainConfig
from infra.experiment_role import TAG_OF_FIS
from lambda_src.environment_certificate.settings import CERTIFICATE
from lambda_src.shared.branch_suffix import SLUG_LENGTH_MAX
from lambda_src.shared.stack_tags import ENVIRONMENT_TAG, HUB_TAG
from pipeline.branch_limits import BranchLimits

# A service that a branch needs for the first time: add it here, and merge that before the branch.
SERVICES: Final = (
    "acm", "application-autoscaling", "cloudwatch", "codebuild", "codepipeline",
    "codestar-notifications", "dynamodb", "ec2", "ecs", "elasticloadbalancing", "events", "fis",
    "kms", "lambda", "logs", "rds", "s3", "secretsmanager", "sns", "sqs",
)  # fmt: skip
# Of other services. Not allowed: changing a stack (a stack keeps the role that deployed it),
# pushing to the repository, storing images.
ACTIONS: Final = (
    "cloudformation:Describe*", "cloudformation:Get*", "cloudformation:List*",
    "codecommit:*UploadArchive*", "codecommit:Get*", "codecommit:GitPull", "codecommit:List*",
    "codeconnections:Get*", "codeconnections:PassConnection", "codeconnections:UseConnection",
    "codestar-connections:Get*", "codestar-connections:PassConnection",
    "codestar-connections:UseConnection",
    "ecr:BatchCheck*", "ecr:BatchGet*", "ecr:Describe*", "ecr:Get*", "ecr:List*",
    "iam:Get*", "iam:List*",
    "ssm:GetParameter*", "tag:GetResources",
)  # fmt: skip
# IAM knows the key iam:PermissionsBoundary for exactly these changes of a role.
_BOUNDED_CHANGES: Final = (
    "iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy",
)  # fmt: skip
_OTHER_USES: Final = (
    "iam:DeleteRole", "iam:PassRole", "iam:TagRole", "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy", "iam:UpdateRole*",
)  # fmt: skip
# In services that are allowed: settings of the account or region; what costs most; and what would
# pass the denials below: an access point of a bucket has a name of its own.
_NEVER: Final = (
    "acm:Put*", "codebuild:*SourceCredentials", "dynamodb:Purchase*",
    "dynamodb:UpdateAbacStatus", "ec2:*BlockPublicAccess*", "ec2:*Default*", "ec2:*Fleet*",
    "ec2:*Spot*", "ec2:*SerialConsole*", "ec2:Purchase*", "ec2:RunInstances",
    "ecs:DeleteAccountSetting", "ecs:PutAccountSetting*", "events:PutPermission",
    "events:RemovePermission", "fis:Inject*", "fis:Update*Lever*", "kms:*CustomKeyStore",
    "logs:*AccountPolicy", "rds:ModifyCertificates",
    "rds:Purchase*", "s3:*AccessGrant*", "s3:*AccessPoint*", "s3:PutAccountPublicAccessBlock",
    "sns:SetSMSAttributes",
)  # fmt: skip
# By service: what may follow a short suffix in the ARN of a resource that is named for it. What has
# no such name is denied by its tags alone: all of the services that are not here, such as EC2, KMS
# and load balancing. Others do not tell IAM the tags for every action.
_AFTER_THE_SUFFIX: Final[Mapping[str, tuple[str, ...]]] = {
    "cloudwatch": ("",),
    "codebuild": (),
    "codepipeline": (),
    "dynamodb": ("", "/*"),
    "ecs": ("", "/*", ":*"),
    "events": ("",),
    "lambda": ("", ":*"),
    "logs": ("", ":*", "/*"),
    "rds": ("",),
    "s3": ("", "/*"),
    "secretsmanager": (),
    "sns": ("",),
    "sqs": ("",),
}


def boundary_statements(
    stack: Stack,
    *,
    limits: BranchLimits,
    kept: tuple[str, ...],
    domains: Mapping[str, DomainConfig],
) -> list[iam.PolicyStatement]:
    """`kept`: the suffixes that no branch may touch, besides the hub's."""
    return [
        _allow([*(f"{service}:*" for service in SERVICES), *ACTIONS], "*"),
        *_may_use_roles_of_branches(stack, limits),
        *_may_set_names_of_branches(domains),
        _deny(["*"], "*", when={f"aws:ResourceTag/{ENVIRONMENT_TAG}": [*kept]}),
        # The hub's roles and images for branches have this tag, too: only what is allowed above.
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            not_actions=["ecr:*", "sts:AssumeRole"],
            resources=["*"],
            conditions={"StringEquals": {f"aws:ResourceTag/{HUB_TAG}": str(limits.hub)}},
        ),
        _deny(
            ["*"],
            *(name for suffix in (*kept, str(limits.hub)) for name in _named(suffix)),
            # The names of roles are unique in the account, whatever their paths.
            *(f"arn:*:iam::*:role/*-{suffix}" for suffix in kept),
        ),
        _deny([*_NEVER], "*"),
        *_network_rules_of_fis_only(),
        # Policies of the account. A log group may have its own.
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=["logs:*ResourcePolicy"],
            not_resources=["arn:*:logs:*:*:log-group:*"],
        ),
        *_never_certificates(kept, domains),
        _deny(
            ["s3:Abort*", "s3:Delete*", "s3:Put*", "s3:Replicate*"],
            f"arn:*:s3:::cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-*",
        ),
    ]


def _may_use_roles_of_branches(stack: Stack, limits: BranchLimits) -> Iterator[iam.PolicyStatement]:
    """IAM allows delegating roles in this way: every role of a branch has the same boundary.

    The roles of the hub, the trunk and the bootstrap have another path, and the ARNs of roles of
    production's account have another account.
    """
    own = role_arn(stack, f"{limits.role_path[1:]}*")
    linked = role_arn(stack, "aws-service-role/*")
    boundary = boundary_arn(stack, limits)
    yield _allow([*_BOUNDED_CHANGES], own, when={"iam:PermissionsBoundary": boundary})
    yield _allow([*_OTHER_USES], own)
    # AWS defines what a linked role may do, and for which service.
    yield _allow(["iam:CreateServiceLinkedRole", "iam:PassRole"], linked)
    yield _allow(
        ["sts:AssumeRole"],
        own,
        *(
            role_arn(stack, name)
            for name in (limits.deploy_role_name, limits.file_role_name, limits.image_role_name)
        ),
    )


def _may_set_names_of_branches(
    domains: Mapping[str, DomainConfig],
) -> Iterator[iam.PolicyStatement]:
    """A zone may hold the records of production, too: only names of branches may be changed."""
    domain = domains.get(EPHEMERAL.kind)
    if domain is None or domain.zone is None:
        return
    yield _allow(["route53:GetChange"], "arn:*:route53:::change/*")
    zone = f"arn:*:route53:::hostedzone/{domain.zone.id}"
    yield _allow(["route53:GetHostedZone", "route53:ListResourceRecordSets"], zone)
    yield iam.PolicyStatement(
        actions=["route53:ChangeResourceRecordSets"],
        resources=[zone],
        conditions={
            "ForAllValues:StringLike": {
                "route53:ChangeResourceRecordSetsNormalizedRecordNames": [
                    domain.name.replace(ANY_SUFFIX, ANY_BRANCH, 1)
                ]
            }
        },
    )


def _network_rules_of_fis_only() -> Iterator[iam.PolicyStatement]:
    """FIS cuts a subnet off by an ACL that it creates and tags, and puts the old one back.

    The default ACL of any VPC has no tags: nothing may change it, or give it this tag.
    """
    yield _unless(
        ["ec2:*NetworkAclEntry", "ec2:DeleteNetworkAcl"],
        "*",
        {f"aws:ResourceTag/{TAG_OF_FIS}": "true"},
    )
    yield _unless(
        ["ec2:CreateTags"],
        "arn:*:ec2:*:*:network-acl/*",
        {"ec2:CreateAction": "CreateNetworkAcl"},
    )


def _never_certificates(
    kept: tuple[str, ...], domains: Mapping[str, DomainConfig]
) -> Iterator[iam.PolicyStatement]:
    """A certificate has no name, and only its tag `Name` if an environment signs it itself."""
    names = [f"{CERTIFICATE}-{suffix}" for suffix in kept]
    yield _deny(["acm:*"], "*", when={"aws:ResourceTag/Name": names})
    theirs = [d.certificate_arn for kind, d in domains.items() if kind != EPHEMERAL.kind]
    if theirs:
        yield _deny(["acm:*"], *theirs)


def boundary_arn(stack: Stack, limits: BranchLimits) -> str:
    """By its name: a policy cannot refer to itself."""
    return stack.format_arn(
        service="iam", region="", resource="policy", resource_name=limits.boundary_name
    )


def role_arn(stack: Stack, name: str) -> str:
    return stack.format_arn(service="iam", region="", resource="role", resource_name=name)


def _named(suffix: str) -> Iterator[str]:
    """ARNs of what is named for `suffix`.

    The suffix of a branch may contain a short one, such as `staging`: only names that end with it
    are matched. Any other may be anywhere: CloudFormation puts random characters behind it.
    """
    anywhere = not _may_be_in_a_branch(suffix)
    for service, endings in _AFTER_THE_SUFFIX.items():
        for ending in ("*",) if anywhere else endings:
            yield f"arn:*:{service}:*:*:*-{suffix}{ending}"
    if not anywhere:
        yield f"arn:*:rds:*:*:cluster-snapshot:*-{suffix}-*"


def _may_be_in_a_branch(suffix: str) -> bool:
    return len(suffix) <= SLUG_LENGTH_MAX


def _allow(
    actions: list[str], *resources: str, when: dict[str, str] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=actions,
        resources=[*resources],
        conditions={"StringEquals": when} if when else None,
    )


def _deny(
    actions: list[str], *resources: str, when: Mapping[str, str | list[str]] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=actions,
        resources=[*resources],
        conditions={"StringEquals": when} if when else None,
    )


def _unless(actions: list[str], resource: str, when: Mapping[str, str]) -> iam.PolicyStatement:
    """A denial that also holds if the request does not have the key."""
    return iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=actions,
        resources=[resource],
        conditions={"StringNotEquals": when},
    )
