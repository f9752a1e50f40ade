"""Names the actions of the pipeline's roles one by one.

CDK's grants on a bucket and on a key allow families of actions (`s3:GetObject*`), and CDK Pipelines
has no option for it.
"""

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


@jsii.implements(IAspect)
class ExactActions:
    """Replaces each family of ACTIONS in the policies of roles by its actions."""

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, iam.CfnPolicy):
            document: dict[str, Any] = Stack.of(node).resolve(node.policy_document)
            for statement in document["Statement"]:
                statement["Action"] = _exact(statement["Action"])
            node.policy_document = document


def _exact(actions: str | list[str]) -> str | list[str]:
    families = [actions] if isinstance(actions, str) else actions
    found = [action for family in families for action in ACTIONS.get(family, (family,))]
    return found if len(found) > 1 else found[0]
