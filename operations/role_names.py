"""The ARNs of one environment's resources, and of a few others in its account."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

import boto3

_SECRETS: Final = {
    "admin secret": "transaction-db-admin",
    "service secret": "transaction-db-service",
    "processor secret": "transaction-db-processor",
    "auditor secret": "transaction-db-auditor",
    "api secret": "transaction-api-credentials",
}
# Only where the environment creates its own certificate.
_AUTHORITY_SECRET: Final = "transaction-certificate-authority"


@dataclass(frozen=True, kw_only=True)
class Names:
    """`looked_up` holds the ARNs that AWS chooses: those of the key and of the secrets.

    `role_path` is part of the ARN of each role: roles of branches have one (B12).
    """

    suffix: str
    partition: str
    account: str
    region: str
    looked_up: Mapping[str, str]
    role_path: str = "/"

    @classmethod
    def of_environment(cls, suffix: str, account: boto3.Session) -> Self:
        """Look up the ARNs in the account of this session."""
        identity = account.client("sts").get_caller_identity()
        secrets = account.client("secretsmanager")
        authority = f"{_AUTHORITY_SECRET}-{suffix}"
        # With a domain it does not exist, and no role has rights on it.
        with suppress(secrets.exceptions.ResourceNotFoundException):
            authority = secrets.describe_secret(SecretId=authority)["ARN"]
        key = account.client("kms").describe_key(KeyId=f"alias/transaction-key-{suffix}")
        return cls(
            suffix=suffix,
            partition=identity["Arn"].split(":")[1],
            account=identity["Account"],
            region=account.region_name,
            looked_up={
                "key": key["KeyMetadata"]["Arn"],
                "authority secret": authority,
                **{
                    name: secrets.describe_secret(SecretId=f"{base}-{suffix}")["ARN"]
                    for name, base in _SECRETS.items()
                },
            },
        )

    @property
    def resources(self) -> dict[str, str]:
        """The ARNs by the names in operations/role_expectations.py."""
        table = self.arn("dynamodb", "table/transaction-sessions")
        bucket = f"arn:{self.partition}:s3:::transaction-audit-{self.account}-{self.suffix}"
        service_logs = self.arn("logs", "log-group:/ecs/transaction-service")
        flow_logs = self.arn("logs", "log-group:/aws/vpc/transaction-flow-log")
        cluster = f"transaction-cluster-{self.suffix}"
        migrator = self.arn("lambda", "function:schema-migrator")
        return {
            **self.looked_up,
            "anything": "*",
            "a user": f"arn:{self.partition}:iam::{self.account}:user/anyone",
            "a role": self.role_arn("anyone"),
            "a certificate": f"{self._prefix('acm')}:certificate/0a1b2c3d",
            "a task": f"{self._prefix('ecs')}:task/{cluster}/0a1b2c3d",
            "a subnet": f"{self._prefix('ec2')}:subnet/subnet-0a1b2c3d",
            "a network acl": f"{self._prefix('ec2')}:network-acl/acl-0a1b2c3d",
            "another security group": f"{self._prefix('ec2')}:security-group/sg-0a1b2c3d",
            "images": f"{self._prefix('ecr')}:repository/images",
            "sessions": table,
            "sessions by user": f"{table}/index/by-user",
            "api clients": self.arn("dynamodb", "table/transaction-api-clients"),
            "breaker": self.arn("dynamodb", "table/transaction-breaker"),
            "audit bucket": bucket,
            "record": f"{bucket}/audit/2026/01/01/batch.ndjson.gz",
            "beside the records": f"{bucket}/batch.ndjson.gz",
            "transactions": self.arn("sqs", "transaction-queue"),
            "transaction dead letters": self.arn("sqs", "transaction-dead-letters"),
            "audit": self.arn("sqs", "audit-queue"),
            "outcomes": self.arn("events", "event-bus/outcomes"),
            "audit dead letters": self.arn("sqs", "audit-dead-letters"),
            "database": self.arn("rds", "cluster:transaction-db"),
            "service": self.arn("ecs", f"service/{cluster}/transaction-service"),
            "service logs": service_logs,
            "service log stream": f"{service_logs}:log-stream:a",
            "flow log stream": f"{flow_logs}:log-stream:a",
            "database metrics": f"{self._prefix('logs')}:log-group:RDSOSMetrics:log-stream:db-A",
            "migrator": migrator,
            "migrator version": f"{migrator}:1",
            "migrator role": self.role_arn(f"schema-migrator-role-{self.suffix}"),
            "transaction processor": self.arn("lambda", "function:transaction-processor"),
            "audit verifier": self.arn("lambda", "function:audit-verifier"),
            "certificate maker": self.arn("lambda", "function:environment-certificate"),
        }

    def arn(self, service: str, resource: str) -> str:
        return f"{self._prefix(service)}:{resource}-{self.suffix}"

    def role_arn(self, name: str) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role{self.role_path}{name}"

    def _prefix(self, service: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}"
