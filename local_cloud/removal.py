"""Deletes a branch's environment and pipeline, and lists what remains of them."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from local_cloud import stacks
from local_cloud.aws import AwsClients
from local_cloud.paths import CloudPaths
from local_cloud.pipeline.executions import has_ended
from local_cloud.server import CloudError, RunningCloud

_DELETE_TIMEOUT_SECONDS = 600
_STOP_TIMEOUT_SECONDS = 60


def remove_branch(paths: CloudPaths, cloud: RunningCloud, *, branch: str) -> None:
    """Stop the pipeline's runs, delete its application stacks in reverse order and its own stack.

    Safe to repeat. Raises CloudError when a stack cannot be deleted or something remains.
    """
    aws = AwsClients(cloud.endpoint_url)
    pipeline = stacks.find_pipeline(paths, branch)
    if pipeline is None:
        print(f"branch {branch} has no pipeline: nothing to remove")
        return
    owner = stacks.owner_of_pipeline(aws, pipeline.name)
    deployed = [*reversed(pipeline.application_stacks), *([owner] if owner else [])]
    found = {stack: stacks.suffix_of(aws, stack) for stack in deployed}
    # The trunk's pipeline also deploys the branch hub, which is not an environment and stays.
    environment_stacks = [stack for stack in deployed if found[stack]]
    suffixes = {suffix for suffix in found.values() if suffix}
    _stop_runs(aws, pipeline.name, reason=f"branch {branch} is being deleted")
    for stack in environment_stacks:
        _delete(aws, stack)
    left = []
    for suffix in suffixes:
        left += remains(aws, suffix)
    if left:
        raise CloudError(
            f"branch {branch} is not deleted completely, this remains:\n  " + "\n  ".join(left)
        )
    print(f"branch {branch}: nothing remains")


def remains(aws: AwsClients, suffix: str) -> list[str]:
    """Every resource with `suffix` in its name, as `kind name` lines."""
    named: dict[str, Iterable[str]] = {
        "stack": (
            s["StackName"]
            for s in _all(aws.cloudformation, "list_stacks", "StackSummaries")
            if s["StackStatus"] != "DELETE_COMPLETE"
        ),
        "queue": _all(aws.sqs, "list_queues", "QueueUrls"),
        "bucket": (b["Name"] for b in aws.s3.list_buckets()["Buckets"]),
        "table": _all(aws.dynamodb, "list_tables", "TableNames"),
        "log group": _names(aws.logs, "describe_log_groups", "logGroups", "logGroupName"),
        "function": _names(aws.lambda_, "list_functions", "Functions", "FunctionName"),
        "secret": _names(aws.secretsmanager, "list_secrets", "SecretList", "Name"),
        "database": _names(aws.rds, "describe_db_clusters", "DBClusters", "DBClusterIdentifier"),
        "load balancer": _names(
            aws.elbv2, "describe_load_balancers", "LoadBalancers", "LoadBalancerName"
        ),
        "target group": _names(
            aws.elbv2, "describe_target_groups", "TargetGroups", "TargetGroupName"
        ),
        "cluster": _all(aws.ecs, "list_clusters", "clusterArns"),
        "build project": _all(aws.codebuild, "list_projects", "projects"),
        "role": _names(aws.iam, "list_roles", "Roles", "RoleName"),
        "topic": _names(aws.sns, "list_topics", "Topics", "TopicArn"),
        "alarm": _names(aws.cloudwatch, "describe_alarms", "MetricAlarms", "AlarmName"),
        "key alias": _names(aws.kms, "list_aliases", "Aliases", "AliasName"),
    }
    return [f"{kind} {name}" for kind, names in named.items() for name in names if suffix in name]


def _names(client: Any, operation: str, key: str, name: str) -> Iterator[str]:
    return (item[name] for item in _all(client, operation, key))


def _all(client: Any, operation: str, key: str) -> Iterator[Any]:
    """Every item of all pages of a listing."""
    for page in client.get_paginator(operation).paginate():
        yield from page.get(key, [])


def _stop_runs(aws: AwsClients, pipeline: str, *, reason: str) -> None:
    """Stop all runs: one that deploys would create the stacks again."""
    deadline = time.monotonic() + _STOP_TIMEOUT_SECONDS
    while running := _running(aws, pipeline):
        for run in running:
            if run["status"] != "Stopping":
                with contextlib.suppress(ClientError):  # the run has ended meanwhile
                    aws.codepipeline.stop_pipeline_execution(
                        pipelineName=pipeline,
                        pipelineExecutionId=run["pipelineExecutionId"],
                        reason=reason,
                    )
        if time.monotonic() > deadline:
            raise CloudError(
                f"{pipeline}: a run did not stop within {_STOP_TIMEOUT_SECONDS} s; nothing was "
                "deleted, run the command again"
            )
        time.sleep(0.2)


def _running(aws: AwsClients, pipeline: str) -> list[Any]:
    pages = aws.codepipeline.get_paginator("list_pipeline_executions")
    found = pages.paginate(pipelineName=pipeline).build_full_result()
    return [r for r in found["pipelineExecutionSummaries"] if not has_ended(r["status"])]


def _delete(aws: AwsClients, stack: str) -> None:
    started = time.monotonic()
    print(f"deleting stack {stack} ...", flush=True)
    aws.cloudformation.delete_stack(StackName=stack)
    while True:
        try:
            found = aws.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError:
            break  # deleted: the API knows no stack of that name
        status = found["StackStatus"]
        if status == "DELETE_COMPLETE":
            break
        if status == "DELETE_FAILED" or time.monotonic() - started > _DELETE_TIMEOUT_SECONDS:
            raise CloudError(f"stack {stack} is {status}: " + _reasons(aws, stack))
        time.sleep(0.2)
    print(f"  deleted after {time.monotonic() - started:.0f} s", flush=True)


def _reasons(aws: AwsClients, stack: str) -> str:
    """The reason for each resource that could not be deleted."""
    events = aws.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    reasons = {
        event["LogicalResourceId"]: event.get("ResourceStatusReason", "no reason given")
        for event in events
        if event["ResourceStatus"] == "DELETE_FAILED"
    }
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
