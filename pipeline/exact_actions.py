"""Names the actions of the pipeline's roles one by one, and removes grants that no build uses.

CDK's grants on a bucket and on a key allow families of actions (`s3:GetObject*`). The role of asset
builds may start and change every build of the account, in case they are batches. CDK Pipelines has
no option for either.
"""

import json
from typing import Any, Final

import jsii
from aws_cdk import IAspect, Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct

# What CodePipeline and CodeBuild do with the artifact bucket and its key:
# https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html
# https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
ACTIONS: Final = {
    "s3:GetBucket*": ("s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"),
    "s3:GetObject*": ("s3:GetObject", "s3:GetObjectVersion"),
    "s3:List*": ("s3:ListBucket",),
    "s3:DeleteObject*": ("s3:DeleteObject",),
    "s3:Abort*": ("s3:AbortMultipartUpload",),
    "kms:ReEncrypt*": ("kms:ReEncryptFrom", "kms:ReEncryptTo"),
    "kms:GenerateDataKey*": ("kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"),
}
# How the resources of the unused grants end: asset builds are no batches, write no reports, and log
# to the group of the pipeline. A Dockerfile runs in them: it must not be able to start a build that
# may do more.
UNUSED: Final = {
    "codebuild:StartBuild": '"*',
    "codebuild:CreateReportGroup": ":report-group/*",
    "logs:CreateLogGroup": ":log-group:/aws/codebuild/*",
}


@jsii.implements(IAspect)
class ExactActions:
    """Replaces each family of ACTIONS in the policies of roles by its actions; drops UNUSED."""

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, iam.CfnPolicy):
            document: dict[str, Any] = Stack.of(node).resolve(node.policy_document)
            document["Statement"] = [s for s in document["Statement"] if not _is_unused(s)]
            for statement in document["Statement"]:
                statement["Action"] = _exact(statement["Action"])
            node.policy_document = document


def _is_unused(statement: dict[str, Any]) -> bool:
    # A text, or a join that ends with it.
    resource = json.dumps(statement["Resource"]).rstrip('"]}')
    return any(
        action in statement["Action"] and resource.endswith(end) for action, end in UNUSED.items()
    )


def _exact(actions: str | list[str]) -> str | list[str]:
    families = [actions] if isinstance(actions, str) else actions
    found = [action for family in families for action in ACTIONS.get(family, (family,))]
    return found if len(found) > 1 else found[0]
