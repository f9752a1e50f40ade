"""Registers every CloudFormation type that the local cloud adds to MiniStack, or changes."""

import functools

from local_cloud.aws import AwsClients
from local_cloud.emulator.buckets import bucket_followers
from local_cloud.emulator.database_clusters import DatabaseClusters
from local_cloud.emulator.fis_api import template_type
from local_cloud.emulator.function_urls import function_url_followers
from local_cloud.emulator.load_balancers import LoadBalancers
from local_cloud.emulator.ministack_adapter import (
    Follower,
    corrections,
    follow,
    register,
)
from local_cloud.emulator.pipeline_runs import PipelineRuns
from local_cloud.emulator.pipelines import pipeline_type
from local_cloud.emulator.recorded_types import recorded_alarms, recorded_types
from local_cloud.emulator.scalable_targets import scalable_target_followers
from local_cloud.emulator.services import Services
from local_cloud.facts import forget_stacks
from local_cloud.paths import CloudPaths


def add_resource_types(
    *,
    paths: CloudPaths,
    aws: AwsClients,
    runs: PipelineRuns,
    databases: DatabaseClusters,
    load_balancers: LoadBalancers,
    services: Services,
) -> None:
    """Call once, before the first stack is created."""
    corrections.correct_secrets()
    corrections.record_computing_alarms(recorded_alarms(paths.recorded))
    # Types that MiniStack lacks.
    register(
        {
            **recorded_types(paths.recorded),
            **template_type(paths.experiment_templates),
            **pipeline_type(paths.pipelines, runs, functools.partial(forget_stacks, paths)),
        }
    )
    # Known types to which the local cloud adds something.
    follow(
        {
            **bucket_followers(aws),
            **function_url_followers(aws.endpoint_url),
            "AWS::DynamoDB::Table": Follower(
                deleting=lambda name, _: corrections.forget_table_tags(name)
            ),
            "AWS::Lambda::Function": Follower(
                deleting=lambda name, _: corrections.end_function_workers(name)
            ),
            **databases.followers(),
            **load_balancers.followers(),
            **services.followers(),
            **scalable_target_followers(aws),
        }
    )
