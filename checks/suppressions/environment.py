"""Accepted findings of the scanners in an environment, each with the reason.

docs/compliance/README.md says how to add an entry. One that matches nothing fails the gate.
"""

from typing import Final

from checks.suppressions.suppression import Suppression, on

_TRIGGER: Final = "Transaction/AWSCDK.TriggerCustomResourceProviderCustomResourceProvider"
# Functions that CDK adds: they run while a stack is deployed or deleted.
_HELPERS: Final = (
    "Transaction/Custom::VpcRestrictDefaultSGCustomResourceProvider",
    "Transaction/Custom::S3AutoDeleteObjectsCustomResourceProvider",
    _TRIGGER,
)
_DEPLOYING: Final = (
    *_HELPERS,
    "Transaction/LoadBalancer/Certificate/Maker/Function",
    "Transaction/LoadBalancer/Certificate/Provider/framework-onEvent",
    "Transaction/SchemaMigrator/Migrator/Function",
)
_FED_BY_QUEUES: Final = (
    "Transaction/TransactionProcessor/Processor/Function",
    "Transaction/AuditWriter/Writer/Function",
)
_IN_THE_NETWORK: Final = (
    "Transaction/TransactionProcessor/Processor/Role",
    "Transaction/SchemaMigrator/Migrator/Role",
    "Transaction/AuditVerifier/Verifier/Role",
)
_VERIFIER: Final = "Transaction/AuditVerifier/Verifier/Function"
_OUTCOMES_DEAD_LETTERS: Final = "Transaction/Outcomes/DeadLetters"
_OUTCOMES_PROBE: Final = "Transaction/OutcomeProbe/Queue"

ENVIRONMENT: Final = (
    # Network and service
    Suppression(
        rules=("AwsSolutions-EC23",),
        where=("Transaction/Traffic/LoadBalancer",),
        reason="S30: the API is public. Only HTTPS to the load balancer is open, and nothing but "
        "health is served without a session (S33).",
    ),
    Suppression(
        rules=("AwsSolutions-ECS2",),
        where=("Transaction/Service/Task",),
        reason="Names and addresses only, which differ from stack to stack. Secrets come from "
        "Secrets Manager when a task starts.",
    ),
    Suppression(
        rules=("AwsSolutions-ECS4", "CKV_AWS_65"),
        where=("Transaction/Service/Cluster",),
        reason="Off in a branch's environment, for its price, and because Container Insights may "
        "create its log group again after the stack has deleted it (S62). CPU, memory and healthy "
        "tasks have metrics and alarms without it. Staging and production have it.",
    ),
    Suppression(
        rules=("CKV_AWS_192",),
        where=("Transaction/WebFirewall/Acl",),
        reason="Log4j is a library of Java, and the service is Python. The firewall holds rate "
        "limits alone: a rule that reads requests could refuse a payment for its contents.",
    ),
    Suppression(
        rules=("CKV_DOCKER_2",),
        where=("app_service/Dockerfile",),
        reason="ECS ignores a HEALTHCHECK of the image; the load balancer asks /health/live.",
    ),
    # Data
    Suppression(
        rules=("AwsSolutions-RDS10",),
        where=("Transaction/Database/Cluster",),
        reason="S20, S62: no deletion protection; an environment is deleted with its stack.",
    ),
    Suppression(
        rules=("AwsSolutions-RDS6", "CKV_AWS_162"),
        where=("Transaction/Database/Cluster",),
        reason="Each database role has a generated password in Secrets Manager, over TLS, from one "
        "security group. Nothing would use a second way to log in.",
    ),
    Suppression(
        rules=("CKV_AWS_118",),
        where=("Transaction/Database/Cluster/First", "Transaction/Database/Cluster/Second"),
        reason="Off in a branch's environment: enhanced monitoring writes to RDSOSMetrics, a log "
        "group of the account that no stack owns (S62). Performance Insights is on and shows the "
        "load by query and wait. Staging and production have it.",
    ),
    Suppression(
        rules=("AwsSolutions-SMG4",),
        where=(
            "Transaction/Database/Cluster/Secret",
            "Transaction/Database/ServiceSecret",
            "Transaction/Database/ProcessorSecret",
            "Transaction/Database/AuditorSecret",
            "Transaction/ApiCredentials/Secret",
        ),
        reason="Generated, read by one role each, known to no person. Tasks read theirs when they "
        "start: a rotation between two deployments would lock them out of the database.",
    ),
    Suppression(
        rules=("AwsSolutions-SMG4",),
        where=("Transaction/LoadBalancer/Certificate/Authority",),
        reason="Clients trust this authority by its certificate: a rotation would lock them out. "
        "It is valid only for the name of its load balancer, and only one function reads it.",
    ),
    Suppression(
        rules=("Serverless-EventBusDLQ",),
        where=("Transaction/LoadBalancer/Certificate/Renewal",),
        reason="The next day's event does the same, and there is a month of them before the "
        "certificate ends; an alarm tells if it comes near (certificate-expiry).",
    ),
    Suppression(
        rules=("AwsSolutions-S1", "CKV_AWS_18"),
        where=("Transaction/AuditStore/Bucket", "Transaction/LoadBalancer/AccessLogs"),
        reason="S62: S3 delivers access logs for hours after the last request, into a bucket that "
        "the stack has emptied and must delete. Only the audit writer can add to the trail (S23).",
    ),
    Suppression(
        rules=("CKV_AWS_21",),
        where=("Transaction/LoadBalancer/AccessLogs",),
        reason="Each log is written once by the load balancer and expires after a week (S52).",
    ),
    Suppression(
        rules=("AwsSolutions-DDB3", "CKV_AWS_28"),
        where=("Transaction/Breaker/Table",),
        reason="S62: a table with point-in-time recovery leaves a backup for 35 days when it is "
        "deleted. Its one item, the breaker's state, is worthless after a day.",
    ),
    # Queues and functions
    Suppression(
        rules=("Serverless-SQSRedrivePolicy",),
        where=(
            "Transaction/Transactions/DeadLetters",
            "Transaction/Audit/DeadLetters",
            _OUTCOMES_DEAD_LETTERS,
        ),
        reason="S43: these are the dead-letter queues; an alarm watches each.",
    ),
    Suppression(
        rules=("AwsSolutions-SQS3",),
        where=(_OUTCOMES_DEAD_LETTERS,),
        reason="It is the dead-letter queue of the bus of outcomes, and has an alarm.",
    ),
    Suppression(
        rules=("CKV_AWS_27",),
        where=(_OUTCOMES_DEAD_LETTERS, _OUTCOMES_PROBE),
        reason="SQS encrypts them with its own key. The first is for the case that the "
        "environment's key cannot be used; the second holds outcomes of the integration tests "
        "only, for an hour.",
    ),
    Suppression(
        rules=("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy", "Serverless-EventBusDLQ"),
        where=(_OUTCOMES_PROBE, "Transaction/OutcomeProbe/Rule"),
        reason="Only the integration tests read it, and they fail if an outcome is missing.",
    ),
    Suppression(
        rules=("Serverless-LambdaEventSourceMappingDestination",),
        where=tuple(f"{function}/Mapping" for function in _FED_BY_QUEUES),
        reason="Lambda refuses a destination on a mapping from SQS: the queue's redrive policy is "
        "that destination (S43).",
    ),
    Suppression(
        rules=("Serverless-LambdaDLQ", "CKV_AWS_116"),
        where=_FED_BY_QUEUES,
        reason="The caller waits for the answer: what fails stays in the queue and is moved to its "
        "dead-letter queue in the end (S43).",
    ),
    Suppression(
        rules=("Serverless-LambdaDLQ", "CKV_AWS_116"),
        where=_DEPLOYING,
        reason="CloudFormation waits for their answer; without one it fails the deployment and "
        "rolls it back. A failed renewal of the certificate is an alarm and is repeated the next "
        "day. Nothing would use a copy of the event in a queue.",
    ),
    Suppression(
        rules=("Serverless-LambdaDLQ", "CKV_AWS_116", "Serverless-EventBusDLQ"),
        where=(_VERIFIER, "Transaction/AuditVerifier/Hourly"),
        reason="Lambda repeats a call that failed, and the next hour's call looks at the same time "
        "again. Three hours without a verification are an alarm (audit-not-verified).",
    ),
    Suppression(
        rules=("CKV_AWS_115",),
        where=(_VERIFIER,),
        reason="One call an hour, and those of a person: a reservation would take from others.",
    ),
    Suppression(
        rules=("Serverless-LambdaTracing",),
        where=(*_FED_BY_QUEUES, *_DEPLOYING, _VERIFIER),
        reason="S62, S63: X-Ray keeps traces for 30 days, outside of any stack, under one key for "
        "the account. A message is followed through the logs by its id (S50).",
    ),
    Suppression(
        rules=("CKV_AWS_115",),
        where=_FED_BY_QUEUES,
        reason="S40: the mapping's maximum concurrency protects the database. A reservation would "
        "take its share from every other environment of the account, busy or not.",
    ),
    Suppression(
        rules=("CKV_AWS_115",),
        where=_DEPLOYING,
        reason="CloudFormation, or once a day a schedule, calls one at a time: a reservation would "
        "only take from others.",
    ),
    Suppression(
        rules=("CKV_AWS_117",),
        where=(
            *_HELPERS,
            "Transaction/LoadBalancer/Certificate/Maker/Function",
            "Transaction/LoadBalancer/Certificate/Provider/framework-onEvent",
            "Transaction/AuditWriter/Writer/Function",
        ),
        reason="They call only AWS APIs. In the network they could reach what they must not, "
        "would depend on NAT, and would delay its deletion.",
    ),
    # Roles
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=("Transaction/Service/ExecutionRole",),
        details=on(r"\*", "ecr:GetAuthorizationToken"),
        reason="A token is for the whole registry: AWS knows no narrower resource.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=_IN_THE_NETWORK,
        details=on(
            r"\*",
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ),
        reason="Lambda refuses a function in a VPC whose role may not handle network interfaces "
        "on every resource. The function's own code is denied it.",
    ),
    Suppression(
        rules=("CKV_AWS_111",),
        where=_IN_THE_NETWORK,
        reason="The same network interfaces: a denial, which checkov leaves out, stands beside it.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=("Transaction/Database/MetricsRole",),
        details=on(
            r"arn:aws:logs:.*:log-group:RDSOSMetrics:log-stream:\*",
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:GetLogEvents",
            "logs:PutLogEvents",
        ),
        reason="The streams have the names of ids that RDS gives to instances when they are "
        "created. Only RDS may take the role, for the instances of this environment.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=("Transaction/LoadBalancer/Certificate/Maker/Role",),
        details=on(
            r"arn:aws:acm:.*:certificate/\*",
            "acm:AddTagsToCertificate",
            "acm:DeleteCertificate",
            "acm:GetCertificate",
            "acm:ImportCertificate",
        ),
        reason="The ARN is known only after the import: the role is limited to this environment's "
        "tag.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=("Transaction/LoadBalancer/Certificate/ProviderRole", _TRIGGER),
        details=on(
            r"<(LoadBalancerCertificateMaker|SchemaMigrator)Function\w+\.Arn>:\*",
            "lambda:InvokeFunction",
        ),
        reason="The versions of one function of ours are resources too.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=("Transaction/AuditWriter/Writer/Role",),
        details=on(r"<AuditStoreBucket\w+\.Arn>/audit/\*", "s3:GetObject", "s3:PutObject"),
        reason="Each record is an object of its own below this prefix of the one bucket (S23).",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=("Transaction/AuditVerifier/Verifier/Role",),
        details=on(r"<AuditStoreBucket\w+\.Arn>/audit/\*", "s3:GetObject", "s3:GetObjectVersion"),
        reason="It reads every record of the one bucket, in every version (B10).",
    ),
    Suppression(
        rules=("Serverless-SNSRedrivePolicy",),
        where=("Transaction/Monitoring/Alarms", "Transaction/Monitoring/Pages"),
        reason="A mail that is not delivered is of no use later: the alarm and its history remain.",
    ),
)
