"""Accepted families of actions in the policies of buckets and keys. No role's policy has one."""

from typing import Final

from checks.suppressions.suppression import Suppression

_KEYS: Final = (
    "BranchHub/Key",
    "DeliveryPipeline/Key",
    "FaultInjection/Key",
    "Transaction/Encryption/Key",
)
_BUCKETS: Final = (
    "DeliveryPipeline/Artifacts/Policy",
    "Transaction/AuditStore/Bucket/Policy",
    "Transaction/LoadBalancer/AccessLogs/Policy",
)
_ACCOUNT: Final = r"arn:aws:iam::(<AWS::AccountId>|\d{12}):root"

FAMILIES: Final = (
    Suppression(
        rules=("ActionFamily",),
        where=_KEYS,
        details=(rf"kms:\* for {_ACCOUNT}",),
        reason="Lets IAM policies of the account decide about the key. Without it nobody could "
        "delete the key: "
        "docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html",
    ),
    Suppression(
        rules=("ActionFamily",),
        where=_KEYS,
        details=(r"kms:(GenerateDataKey|ReEncrypt)\* for logs\..*",),
        reason="As CloudWatch Logs documents it; a condition allows only our log groups: "
        "docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
    ),
    Suppression(
        rules=("ActionFamily",),
        where=("BranchHub/Key",),
        details=(r"kms:Decrypt\* for delivery\.logs\.amazonaws\.com",),
        reason="CDK's grant for the encrypted logs of state machines, without a condition, as in "
        "docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html",
    ),
    Suppression(
        rules=("ActionFamily",),
        where=("BranchHub/Key", "Transaction/Encryption/Key"),
        details=(rf"kms:(GenerateDataKey|ReEncrypt)\* for {_ACCOUNT}",),
        reason="CDK's grant for secrets: only through Secrets Manager, which a condition says.",
    ),
    Suppression(
        rules=("ActionFamily",),
        where=("BranchHub/Key", "DeliveryPipeline/Key"),
        details=(r"kms:GenerateDataKey\* for codestar-notifications\.amazonaws\.com",),
        reason="CDK's grant for notices of an encrypted topic, as the service documents it.",
    ),
    Suppression(
        rules=("ActionFamily",),
        where=_BUCKETS,
        details=(r"s3:(DeleteObject|GetBucket|List)\* for <CustomS3AutoDeleteObjects\w+\.Arn>",),
        reason="S62: CDK's function empties the bucket when the stack is deleted. It runs CDK's "
        "code only, and only CloudFormation calls it.",
    ),
    Suppression(
        rules=("ActionFamily",),
        where=("DeliveryPipeline/Artifacts/Policy",),
        details=(
            r"s3:(GetBucket|GetObject|List)\* for arn:.*:role/(cdk-\w+|branch)-deploy-role-.*",
        ),
        reason="CDK's grant to the role that deploys, of the bootstrap or of the hub: it reads the "
        "artifacts.",
    ),
)
