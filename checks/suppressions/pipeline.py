"""Accepted findings of the scanners in a pipeline, each with the reason.

Most are grants that CDK writes, for one bucket and one key of the pipeline's own.
pipeline/exact_actions.py replaces their families of actions (`s3:GetObject*`).
"""

from typing import Final

from checks.suppressions.suppression import Suppression, on

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
_ARTIFACTS: Final = r"<Artifacts\w+\.Arn>(/\*)?"
_WRITE_LOGS: Final = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
_WRITE_REPORTS: Final = (
    "codebuild:BatchPutCodeCoverages",
    "codebuild:BatchPutTestCases",
    "codebuild:CreateReport",
    "codebuild:CreateReportGroup",
    "codebuild:UpdateReport",
)

PIPELINE: Final = (
    # Artifacts
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_PIPELINE_ROLE, *_BUILD_ROLES, *_ASSET_ROLES),
        details=on(
            _ARTIFACTS,
            "s3:GetBucketAcl",
            "s3:GetBucketLocation",
            "s3:GetBucketVersioning",
            "s3:GetObject",
            "s3:GetObjectVersion",
            "s3:ListBucket",
        ),
        reason="CDK's grant to read artifacts: in the pipeline's one bucket, whose keys "
        "CodePipeline chooses.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_PIPELINE_ROLE, _SYNTH_ROLE),
        details=on(
            _ARTIFACTS,
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:PutObject",
            "s3:PutObjectLegalHold",
            "s3:PutObjectRetention",
            "s3:PutObjectTagging",
            "s3:PutObjectVersionTagging",
        ),
        reason="CDK's grant to write artifacts, and the synth's cache of downloads, in the "
        "pipeline's one bucket.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_PIPELINE_ROLE,),
        details=on(_ARTIFACTS, "s3:PutObjectAcl", "s3:PutObjectVersionAcl"),
        reason="CDK's grant to hand an artifact to another account, in the pipeline's one bucket.",
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
            *on(r"arn:.*:log-group:/aws/codebuild/<Delivery\w+>:\*", *_WRITE_LOGS),
            *on(r"arn:.*:report-group/<Delivery\w+>-\*", *_WRITE_REPORTS),
        ),
        reason="CDK's grant to a build: its own log streams and report groups, by the name of the "
        "one project.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_SYNTH_ROLE,),
        details=on(r"\*", "rds:DescribeDBEngineVersions", "rds:DescribeOrderableDBInstanceOptions"),
        reason="S20: which engine versions AWS offers, to every account: there is no resource.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_SELF_UPDATE_ROLE,),
        details=(
            *on(r"\*", "cloudformation:DescribeStacks", "s3:ListBucket"),
            *on(r"arn:\*:iam::.*:role/\*", "sts:AssumeRole"),
        ),
        reason="CDK Pipelines' grant for `cdk deploy`: it reads stacks, lists the bootstrap "
        "bucket, and assumes only roles that have the tag of the bootstrap.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_WRITING_TESTS_ROLES,),
        details=(
            *on(r"arn:aws:s3:::transaction-audit-[^*]*/\*", "s3:GetObject"),
            *on(
                r"arn:.*:table/transaction-sessions-[^*]*/index/\*",
                "dynamodb:GetItem",
                "dynamodb:Query",
            ),
            *on(
                r"arn:.*:secret:transaction-api-credentials-[^*]*-\?{6}",
                "secretsmanager:GetSecretValue",
            ),
            *on(r"arn:.*:key/\*", "kms:Decrypt", "kms:GenerateDataKey"),
        ),
        reason="S5: the tests read records, sessions and credentials of the one environment. AWS "
        "adds six characters to a secret's name, and chooses a key's: a condition names its alias.",
    ),
    # Notifications, the pipeline's start, and its deletion
    Suppression(
        rules=("Serverless-SNSRedrivePolicy",),
        where=("DeliveryPipeline/Notifications/Topic",),
        reason="A mail that is not delivered is of no use later: the console shows the run.",
    ),
    Suppression(
        rules=("Serverless-EventBusDLQ",),
        where=("DeliveryPipeline/Repository",),
        reason="After a lost start the next push or a person starts the pipeline. A copy of the "
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
        reason="Runs once, when the stack is deleted, and calls only S3. Traces would outlive the "
        "stack (S62), a reservation would take from others, a network would delay its deletion.",
    ),
)
