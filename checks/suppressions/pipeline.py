"""What cdk-nag and checkov find in a pipeline and we leave as it is, each with the reason.

Most are grants that CDK writes: their actions are families (`s3:GetObject*`), and it offers no
other. What they are for is one bucket and one key of the pipeline's own.
"""

from typing import Final

from checks.suppressions.environment import Suppression

_PIPELINE_ROLE: Final = "DeliveryPipeline/Delivery/Pipeline/Role"
_SYNTH_ROLE: Final = "DeliveryPipeline/Delivery/Pipeline/Build/Synth/CdkBuildProject/Role"
_SELF_UPDATE_ROLE: Final = "DeliveryPipeline/Delivery/UpdatePipeline/SelfMutation/Role"
_ASSET_ROLES: Final = (
    "DeliveryPipeline/Delivery/Assets/DockerRole",
    "DeliveryPipeline/Delivery/Assets/FileRole",
)
_WRITING_TESTS_ROLES: Final = "DeliveryPipeline/Delivery/Pipeline/*/IntegrationTests/*/Role"
_OTHER_STEP_ROLES: Final = (
    "DeliveryPipeline/Delivery/Pipeline/*/PermissionGate/*/Role",
    "DeliveryPipeline/Delivery/Pipeline/*/SmokeTests/*/Role",
)
_BUILD_ROLES: Final = (_SYNTH_ROLE, _SELF_UPDATE_ROLE, _WRITING_TESTS_ROLES, *_OTHER_STEP_ROLES)
_EMPTIES_BUCKETS: Final = "DeliveryPipeline/Custom::S3AutoDeleteObjectsCustomResourceProvider"

PIPELINE: Final = (
    # Artifacts
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_PIPELINE_ROLE, *_BUILD_ROLES, *_ASSET_ROLES),
        details=(
            r"Action::s3:(GetBucket|GetObject|List)\*",
            r"Resource::<Artifacts\w+\.Arn>/\*",
        ),
        reason="CDK's grant to read artifacts: in the pipeline's one bucket, whose keys "
        "CodePipeline chooses.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_PIPELINE_ROLE, *_BUILD_ROLES),
        details=(r"Action::kms:(GenerateDataKey|ReEncrypt)\*",),
        reason="CDK's grant to encrypt: with the pipeline's one key.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_PIPELINE_ROLE, _SYNTH_ROLE),
        details=(r"Action::s3:(Abort|DeleteObject)\*",),
        reason="CDK's grant to write artifacts, and the synth's cache of downloads, in the "
        "pipeline's one bucket.",
    ),
    Suppression(
        rules=("AwsSolutions-S1", "CKV_AWS_18"),
        where=("DeliveryPipeline/Artifacts",),
        reason="S62: S3 delivers access logs for hours after the last request, into a bucket that "
        "the stack has emptied and must delete.",
    ),
    Suppression(
        rules=("CKV_AWS_21",),
        where=("DeliveryPipeline/Artifacts",),
        reason="CodePipeline gives each artifact a key of its own, and all expire; versions are "
        "needed where a bucket is the source, which this one is not.",
    ),
    # Builds
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=_BUILD_ROLES,
        details=(
            r"Resource::arn:[^:]*:logs:.*:log-group:/aws/codebuild/<Delivery\w+>:\*",
            r"Resource::arn:[^:]*:codebuild:.*:report-group/<Delivery\w+>-\*",
        ),
        reason="CDK's grant to a build: its own log streams and report groups, told by the name "
        "of the one project.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=_ASSET_ROLES,
        details=(
            r"Resource::arn:[^:]*:logs:.*:log-group:/aws/codebuild/\*",
            r"Resource::arn:[^:]*:codebuild:.*:report-group/\*",
            r"Resource::\*",
        ),
        reason="CDK Pipelines makes one role for all asset builds before it knows their projects. "
        "They run its own commands, none of ours.",
    ),
    Suppression(
        rules=("CKV_AWS_111",),
        where=_ASSET_ROLES,
        reason="The same role: it may start and stop builds, which asset builds in batches need.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_SYNTH_ROLE,),
        details=(r"Resource::\*",),
        reason="rds:DescribeDBEngineVersions, which asks AWS for the version (S20): it reads what "
        "AWS offers to everybody and is not asked for a resource that exists.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_SELF_UPDATE_ROLE,),
        details=(r"Resource::\*", r"Resource::arn:\*:iam::.*:role/\*"),
        reason="CDK Pipelines' grant for `cdk deploy`: it looks at stacks, lists the bootstrap "
        "bucket, and takes roles only where they bear the tag of the bootstrap.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_WRITING_TESTS_ROLES,),
        details=(
            r"Resource::arn:[^:]*:s3:::transaction-audit-.*/\*",
            r"Resource::arn:[^:]*:dynamodb:.*:table/transaction-sessions-[^/]*/index/\*",
            r"Resource::arn:[^:]*:kms:.*:key/\*",
        ),
        reason="S5: the tests read records, sessions and their indexes, of the one environment. "
        "A key has no name before it exists: it is told by its alias, in a condition.",
    ),
    # Who is told, what starts the pipeline, and what deletes it
    Suppression(
        rules=("Serverless-SNSRedrivePolicy",),
        where=("DeliveryPipeline/Notifications/Topic",),
        reason="A mail that is not delivered is of no use later: the console shows the run.",
    ),
    Suppression(
        rules=("Serverless-EventBusDLQ",),
        where=("DeliveryPipeline/Repository",),
        reason="A start that is lost is made up for by the next push, or by hand. A copy of the "
        "event in a queue starts nothing.",
    ),
    Suppression(
        rules=("Serverless-LambdaDLQ", "CKV_AWS_116"),
        where=(_EMPTIES_BUCKETS,),
        reason="CloudFormation waits for its answer, and fails the deletion without one.",
    ),
    Suppression(
        rules=("Serverless-LambdaTracing", "CKV_AWS_115", "CKV_AWS_117"),
        where=(_EMPTIES_BUCKETS,),
        reason="Runs once, when the stack is deleted, and calls S3 alone. Traces would outlive the "
        "stack (S62), a reservation would take from others, a network would hold up its deletion.",
    ),
)
