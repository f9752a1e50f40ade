"""Accepted findings of the scanners in the drills of an environment, each with the reason."""

from typing import Final

from checks.suppressions.suppression import Suppression, on

_ROLE: Final = "FaultInjection/Role"

FAULTS: Final = (
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_ROLE,),
        details=on(r"arn:.*:task/transaction-cluster-.*/\*", "ecs:DescribeTasks", "ecs:StopTask"),
        reason="B7: AWS chooses the ids of tasks. The cluster is the environment's own.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_ROLE,),
        details=(
            *on(
                r"arn:.*:network-acl/\*",
                "ec2:CreateNetworkAcl",
                "ec2:CreateNetworkAclEntry",
                "ec2:CreateTags",
                "ec2:DeleteNetworkAcl",
                "ec2:ReplaceNetworkAclAssociation",
            ),
            *on(r"arn:.*:vpc/\*", "ec2:CreateNetworkAcl"),
            *on(r"arn:.*:subnet/\*", "ec2:ReplaceNetworkAclAssociation"),
        ),
        reason="B7: AWS chooses these ids. Networks and subnets must have the environment's tag, "
        "and network ACLs the one that FIS gives to those that it creates; the old ACL, which "
        "comes back at the end, is the network's default one and has no tags.",
    ),
    Suppression(
        rules=("AwsSolutions-IAM5",),
        where=(_ROLE,),
        details=on(
            r"\*",
            "ec2:DescribeManagedPrefixLists",
            "ec2:DescribeNetworkAcls",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            "ecs:ListTasks",
            "logs:CreateLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "rds:DescribeDBClusters",
            "tag:GetResources",
        ),
        reason="B7: AWS knows no narrower resource for these; for clusters it does, but not for a "
        "request with filters, which only reads. A condition limits the listing of tasks to the "
        "environment's cluster.",
    ),
)
