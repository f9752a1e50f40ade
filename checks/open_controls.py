"""Reasons for open rules of NIST 800-53 and PCI DSS, by the rule's name without prefix."""

from collections.abc import Mapping
from typing import Final

_DESTROYED: Final = "S62 asks that everything is deleted with its stack"

WHY_OPEN: Final[Mapping[str, str]] = {
    "ALBWAFEnabled": "Off in a branch's environment: a web ACL costs a fixed amount for each. "
    "Without a session the API answers health checks only (S33). Staging and production have it.",
    "CloudWatchAlarmAction": "These are the halves of the burn-rate alarms: a composite alarm "
    "watches each pair and is the one that pages (S51). With actions of their own each incident "
    "would page three times.",
    "CodeBuildProjectSourceRepoUrl": "A false alarm: the builds get their source from CodePipeline "
    "and name no repository. GitHub is reached through a connection that a person authorised.",
    "DynamoDBInBackupPlan": "Sessions (S21) and clients can be recovered to any second of 35 "
    f"days. A recovery point of AWS Backup outlives the table: {_DESTROYED}.",
    "DynamoDBPITREnabled": "It is on for sessions (S21) and clients. The breaker's one item is "
    "worthless after a day, and the reconciler rebuilds the branch hub's table. Each would leave "
    f"a backup for 35 days after its deletion: {_DESTROYED}.",
    "ELBDeletionProtectionEnabled": f"{_DESTROYED}.",
    "IAMPolicyNoStatementsWithFullAccess": "The permissions boundary of branches allows whole "
    "services, as the most that a role may do; its denials protect what is not a branch's (B12).",
    "IAMNoInlinePolicy": "Each policy belongs to one role and is deleted with it. A managed policy "
    "could be attached to another role, which is what least privilege must prevent (S64).",
    "LambdaConcurrency": "The mapping's maximum concurrency protects the database (S40). A "
    "reservation would take its share from every other environment of the account.",
    "LambdaDLQ": "The caller of each function waits for the answer: queues keep what fails and "
    "have dead-letter queues (S43), CloudFormation fails the deployment.",
    "LambdaFunctionPublicAccessProhibited": "Anyone can call one function: the webhook of the "
    "branch hub. It answers 401 to a request that the git host has not signed.",
    "LambdaInsideVPC": "They call only AWS APIs. In the network they could reach what they must "
    "not. Functions that need the database are inside.",
    "RDSAutomaticMinorVersionUpgradeEnabled": "The version is part of the code (S20), and an "
    "upgrade goes through staging as every change does. (The description is an error of cdk-nag.)",
    "RDSEnhancedMonitoringEnabled": "Off in a branch's environment: it writes to a log group of "
    f"the account that no stack owns; {_DESTROYED}. Staging and production have it.",
    "RDSInBackupPlan": "Aurora backs itself up, with recovery to any second of the retention: 1 "
    "day in a branch's environment, 7 in staging, 35 in production (S20). A recovery point of "
    f"AWS Backup outlives the cluster: {_DESTROYED}.",
    "RDSInstanceDeletionProtectionEnabled": f"S20 asks for none; {_DESTROYED}.",
    "S3BucketLoggingEnabled": "S3 delivers access logs for hours after the last request, into a "
    f"bucket that was emptied to be deleted: {_DESTROYED}. A trail with data events, which an "
    "account has once for all its buckets, is the way for production.",
    "S3BucketReplicationEnabled": "S3 keeps every object in three zones. A second region was not "
    "asked for, and a replica would outlive the stack.",
    "S3BucketVersioningEnabled": "Access logs and build artifacts: each is written once under its "
    "own key and expires. The audit trail is versioned (S22).",
    "S3DefaultEncryptionKMS": "S22 asks for SSE-S3 on the audit trail; a load balancer writes its "
    "logs to no bucket that has a KMS key.",
    "SecretsManagerRotationEnabled": "Secrets are generated, read by one role each, and known to "
    "no person. Tasks read theirs when they start: a rotation between two deployments would lock "
    "them out. For production this is open work.",
    "VPCDefaultSecurityGroupClosed": "It is closed, by a custom resource that the rule cannot see "
    "(S13, `test_s13_*`).",
    "VPCNoUnrestrictedRouteToIGW": "The public subnets hold the load balancer and the NAT gateways "
    "alone (S10); the API is public. Tasks, functions and database have no such route.",
}
