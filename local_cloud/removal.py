"""Unmakes a branch's environment and pipeline, and lists what would be left of it."""

import time

from botocore.exceptions import ClientError

from local_cloud import stacks
from local_cloud.aws import AwsClients
from local_cloud.facts import forget_facts
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError, RunningCloud

_DELETE_TIMEOUT_SECONDS = 600


def remove_branch(paths: CloudPaths, cloud: RunningCloud, *, branch: str) -> None:
    """Delete the application stacks in reverse order, then the pipeline; check what remains.

    Safe to repeat. Raises CloudError when a stack cannot be deleted or something remains.
    """
    aws = AwsClients(cloud.endpoint_url)
    pipeline = stacks.find_pipeline(paths, branch)
    if pipeline is None:
        print(f"branch {branch} has no pipeline: nothing to remove")
        return
    suffixes = set()
    for stack in reversed(pipeline.application_stacks):
        found = stacks.outputs(aws, stack)
        suffixes.add(found.get("EnvironmentSuffix", ""))
        _delete(aws, stack)
    owner = stacks.owner_of_pipeline(aws, pipeline.name)
    if owner is not None:
        _delete(aws, owner)
    left = []
    for suffix in suffixes - {""}:
        forget_facts(paths, suffix)
        left += remains(aws, suffix)
    if left:
        raise CloudError(f"branch {branch} is not gone, this remains:\n  " + "\n  ".join(left))
    print(f"branch {branch}: nothing remains")


def remains(aws: AwsClients, suffix: str) -> list[str]:
    """Everything that is named for `suffix`, as `kind name` lines."""
    functions = aws.lambda_.list_functions()["Functions"]
    groups = aws.logs.describe_log_groups()["logGroups"]
    live = [
        s["StackName"]
        for s in aws.cloudformation.list_stacks()["StackSummaries"]
        if s["StackStatus"] != "DELETE_COMPLETE"
    ]
    named = {
        "stack": live,
        "queue": aws.sqs.list_queues().get("QueueUrls", []),
        "bucket": [b["Name"] for b in aws.s3.list_buckets()["Buckets"]],
        "table": aws.dynamodb.list_tables()["TableNames"],
        "log group": [g["logGroupName"] for g in groups],
        "function": [f["FunctionName"] for f in functions],
        "secret": [s["Name"] for s in aws.secretsmanager.list_secrets()["SecretList"]],
        "database": [
            c["DBClusterIdentifier"] for c in aws.rds.describe_db_clusters()["DBClusters"]
        ],
        "load balancer": [
            b["LoadBalancerName"] for b in aws.elbv2.describe_load_balancers()["LoadBalancers"]
        ],
    }
    return [f"{kind} {name}" for kind, names in named.items() for name in names if suffix in name]


def _delete(aws: AwsClients, stack: str) -> None:
    started = time.monotonic()
    print(f"deleting stack {stack} ...", flush=True)
    aws.cloudformation.delete_stack(StackName=stack)
    while True:
        try:
            found = aws.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError:
            break  # gone: the API knows no stack of that name
        status = found["StackStatus"]
        if status == "DELETE_COMPLETE":
            break
        if status == "DELETE_FAILED" or time.monotonic() - started > _DELETE_TIMEOUT_SECONDS:
            reason = found.get("StackStatusReason", "")
            raise CloudError(f"stack {stack} is {status}: {reason or 'see its events'}")
        time.sleep(0.2)
    print(f"  gone after {time.monotonic() - started:.0f} s", flush=True)
