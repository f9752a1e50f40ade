"""An ARN of each kind of resource about which the teardown asks, as the tagging API returns it."""

from collections.abc import Mapping
from typing import Final

_HERE: Final = "us-east-1:000000000000"
_ID: Final = "0a1b2c3d-0000-0000-0000-000000000000"
_BALANCER: Final = "app/transaction-alb-{suffix}/50dc6c495c0c9188"

ARNS: Final[Mapping[tuple[str, str], str]] = {
    ("acm", "certificate"): f"arn:aws:acm:{_HERE}:certificate/{_ID}",
    (
        "cloudformation",
        "stack",
    ): f"arn:aws:cloudformation:{_HERE}:stack/transaction-{{suffix}}/{_ID}",
    ("codebuild", "report-group"): (
        f"arn:aws:codebuild:{_HERE}:report-group/transaction-synth-{{suffix}}-reports"
    ),
    ("codepipeline", ""): f"arn:aws:codepipeline:{_HERE}:transaction-pipeline-{{suffix}}",
    ("codestar-notifications", "notificationrule"): (
        f"arn:aws:codestar-notifications:{_HERE}:notificationrule/0a1b2c3d4e5f"
    ),
    ("dynamodb", "table"): f"arn:aws:dynamodb:{_HERE}:table/transaction-sessions-{{suffix}}",
    ("ec2", "elastic-ip"): f"arn:aws:ec2:{_HERE}:elastic-ip/eipalloc-1",
    ("ec2", "internet-gateway"): f"arn:aws:ec2:{_HERE}:internet-gateway/igw-1",
    ("ec2", "natgateway"): f"arn:aws:ec2:{_HERE}:natgateway/nat-1",
    ("ec2", "network-interface"): f"arn:aws:ec2:{_HERE}:network-interface/eni-1",
    ("ec2", "route-table"): f"arn:aws:ec2:{_HERE}:route-table/rtb-1",
    ("ec2", "security-group"): f"arn:aws:ec2:{_HERE}:security-group/sg-1",
    ("ec2", "security-group-rule"): f"arn:aws:ec2:{_HERE}:security-group-rule/sgr-1",
    ("ec2", "subnet"): f"arn:aws:ec2:{_HERE}:subnet/subnet-1",
    ("ec2", "vpc"): f"arn:aws:ec2:{_HERE}:vpc/vpc-1",
    ("ec2", "vpc-endpoint"): f"arn:aws:ec2:{_HERE}:vpc-endpoint/vpce-1",
    ("ec2", "vpc-flow-log"): f"arn:aws:ec2:{_HERE}:vpc-flow-log/fl-1",
    ("ecs", "cluster"): f"arn:aws:ecs:{_HERE}:cluster/transaction-cluster-{{suffix}}",
    ("ecs", "service"): (
        f"arn:aws:ecs:{_HERE}:service/transaction-cluster-{{suffix}}/transaction-service-{{suffix}}"
    ),
    ("ecs", "task-definition"): (
        f"arn:aws:ecs:{_HERE}:task-definition/transaction-service-{{suffix}}:7"
    ),
    ("elasticloadbalancing", "listener"): (
        f"arn:aws:elasticloadbalancing:{_HERE}:listener/{_BALANCER}/f2f7dc8efc522ab2"
    ),
    ("elasticloadbalancing", "listener-rule"): (
        f"arn:aws:elasticloadbalancing:{_HERE}:listener-rule/{_BALANCER}/f2f7dc8efc522ab2/9683b2d02a6c"
    ),
    ("events", "rule"): f"arn:aws:events:{_HERE}:rule/transaction-pipeline-source-{{suffix}}",
    ("kms", "key"): f"arn:aws:kms:{_HERE}:key/{_ID}",
    ("lambda", "event-source-mapping"): f"arn:aws:lambda:{_HERE}:event-source-mapping:{_ID}",
    ("rds", "cluster-pg"): f"arn:aws:rds:{_HERE}:cluster-pg:transaction-db-{{suffix}}",
    ("rds", "cluster-snapshot"): (
        f"arn:aws:rds:{_HERE}:cluster-snapshot:rds:transaction-db-{{suffix}}-2026-11-26-04-10"
    ),
    ("rds", "db"): f"arn:aws:rds:{_HERE}:db:transaction-db-{{suffix}}-writer",
    ("rds", "subgrp"): f"arn:aws:rds:{_HERE}:subgrp:transaction-db-{{suffix}}",
    ("secretsmanager", "secret"): (
        f"arn:aws:secretsmanager:{_HERE}:secret:transaction-db-{{suffix}}-AbCdEf"
    ),
}
