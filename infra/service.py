"""The HTTP service: Fargate tasks in both zones behind the load balancer."""

from dataclasses import dataclass, field
from typing import Final, cast

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from app_service.settings import ServiceSettings
from infra.api_clients import ApiClients
from infra.api_credentials import CLIENT_ID_FIELD, CLIENT_SECRET_FIELD, ApiCredentials
from infra.base_image import base_image_args
from infra.component_names import SERVICE, service_logs
from infra.database import Database
from infra.lambda_code import REPOSITORY
from infra.log_groups import log_group
from infra.naming import EnvironmentSuffix
from infra.network import PRIVATE
from infra.queues import QueueWithDeadLetters
from infra.security_groups import HTTPS_PORT, TASK_PORT
from infra.sessions import Sessions
from infra.task_capacity import TaskCapacity
from infra.trust import ca_file_for_service

CLUSTER: Final = "transaction-cluster"
VERSION_LENGTH: Final = 12


@dataclass(frozen=True, kw_only=True)
class ServiceConfig:
    api_port: int = HTTPS_PORT
    tasks_min: int = 2  # one per zone
    tasks_max: int = 6
    cpu_units: int = 512
    memory_mib: int = 1024
    cpu_target_percent: int = 60
    memory_target_percent: int = 70
    session_ttl_seconds: int = 3600
    container_insights: bool = False  # metrics of each task and container, which cost money
    capacity: TaskCapacity = field(default_factory=TaskCapacity)


class Service(Construct):
    """The tasks, their roles and their scaling. `fargate` must start after the migration."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: ServiceConfig,
        vpc: ec2.IVpc,
        security_group: ec2.ISecurityGroup,
        targets: elbv2.IApplicationTargetGroup,
        database: Database,
        sessions: Sessions,
        audit: QueueWithDeadLetters,
        credentials: ApiCredentials,
        api_clients: ApiClients,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self.tasks_min = config.tasks_min
        self.log_group = log_group(
            self, "Logs", name=service_logs(suffix.physical_name(SERVICE)), key=key
        )
        image = ecr_assets.DockerImageAsset(
            self,
            "Image",
            directory=str(REPOSITORY / "app_service"),
            platform=config.capacity.image_platform,
            build_args=base_image_args(),
            # Compiled files of a local run must not change the image.
            exclude=["**/__pycache__", "**/*.pyc"],
        )
        cluster_name = suffix.physical_name(CLUSTER)
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=vpc,
            cluster_name=cluster_name,
            container_insights_v2=(
                ecs.ContainerInsights.ENHANCED
                if config.container_insights
                else ecs.ContainerInsights.DISABLED
            ),
        )
        if config.container_insights:
            # Otherwise ECS creates this group, and it remains when the stack is deleted.
            insights = log_group(
                self,
                "InsightsLogs",
                name=f"/aws/ecs/containerinsights/{cluster_name}/performance",
                key=key,
            )
            self.cluster.node.add_dependency(insights)
        self.task = ecs.FargateTaskDefinition(
            self,
            "Task",
            family=suffix.physical_name(SERVICE),
            cpu=config.cpu_units,
            memory_limit_mib=config.memory_mib,
            runtime_platform=config.capacity.runtime_platform,
            task_role=_task_role(self, "TaskRole", suffix.physical_name(f"{SERVICE}-role")),
            execution_role=_task_role(
                self, "ExecutionRole", suffix.physical_name(f"{SERVICE}-start-role")
            ),
            # The task writes its certificate here; the rest of its file system is read-only.
            volumes=[ecs.Volume(name="tmp")],
        )
        container = self.task.add_container(
            "Service",
            container_name=SERVICE,
            image=ecs.ContainerImage.from_docker_image_asset(image),
            environment=ServiceSettings(
                environment_suffix=str(suffix),
                # From the contents: a commit that does not change the service restarts nothing.
                service_version=image.asset_hash[:VERSION_LENGTH],
                port=TASK_PORT,
                database_writer_host=database.writer_host,
                database_reader_host=database.reader_host,
                database_port=database.port,
                database_name=database.name,
                database_ca_file=ca_file_for_service(database.ca_file),
                sessions_table_name=sessions.table.table_name,
                api_clients_table_name=api_clients.table.table_name,
                audit_queue_url=audit.queue.queue_url,
                session_ttl_seconds=config.session_ttl_seconds,
            ).to_env(),
            secrets={
                variable: ecs.Secret.from_secrets_manager(secret, field)
                for variable, secret, field in (
                    ("DATABASE_USER", database.service_secret, "username"),
                    ("DATABASE_PASSWORD", database.service_secret, "password"),
                    ("API_CLIENT_ID", credentials.secret, CLIENT_ID_FIELD),
                    ("API_CLIENT_SECRET", credentials.secret, CLIENT_SECRET_FIELD),
                )
            },
            port_mappings=[ecs.PortMapping(container_port=TASK_PORT)],
            logging=ecs.LogDrivers.aws_logs(
                log_group=self.log_group,
                stream_prefix="service",
                # A slow log service must not delay transactions.
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
            ),
            readonly_root_filesystem=True,
            # Longer than the deregistration delay, so that no request is interrupted.
            stop_timeout=Duration.seconds(30),
        )
        container.add_mount_points(
            ecs.MountPoint(
                container_path="/tmp",  # nosec B108 # of a container of its own
                source_volume="tmp",
                read_only=False,
            )
        )
        sessions.grant_use(self.task.task_role)
        api_clients.grant_read(self.task.task_role)
        audit.grant_send(self.task.task_role)

        self.fargate = ecs.FargateService(
            self,
            "Fargate",
            service_name=suffix.physical_name(SERVICE),
            cluster=self.cluster,
            task_definition=self.task,
            capacity_provider_strategies=config.capacity.strategies,
            # Without a desired count: a template that has one sets the service back to it at every
            # update, also while it is scaled out. The scalable target's minimum starts the tasks.
            min_healthy_percent=100,
            max_healthy_percent=200,
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.ENABLED,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            health_check_grace_period=Duration.seconds(30),
            vpc_subnets=PRIVATE,
            security_groups=[security_group],
            assign_public_ip=False,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        self.fargate.attach_to_application_target_group(targets)
        # A task needs the route to the registry and the permission to pull.
        self.fargate.node.add_dependency(vpc, self.task.obtain_execution_role())
        if providers := config.capacity.offer_on(self.cluster):
            self.fargate.node.add_dependency(providers)
        self._scale(config)

    def roll_back_on(self, alarm: cloudwatch.IAlarm) -> None:
        """Roll a deployment back if `alarm` starts, even if its tasks are healthy."""
        name = cast(cloudwatch.CfnAlarm, alarm.node.default_child).alarm_name
        assert name is not None  # every alarm has a physical name
        self.fargate.enable_deployment_alarms([name], behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM)
        # ECS refuses the name of an alarm that does not exist.
        self.fargate.node.add_dependency(alarm)

    def _scale(self, config: ServiceConfig) -> None:
        tasks = self.fargate.auto_scale_task_count(
            min_capacity=config.tasks_min, max_capacity=config.tasks_max
        )
        tasks.scale_on_cpu_utilization(
            "Cpu",
            target_utilization_percent=config.cpu_target_percent,
            scale_out_cooldown=Duration.seconds(30),
            scale_in_cooldown=Duration.minutes(5),
        )
        tasks.scale_on_memory_utilization(
            "Memory",
            target_utilization_percent=config.memory_target_percent,
            scale_out_cooldown=Duration.seconds(30),
            scale_in_cooldown=Duration.minutes(5),
        )


def _task_role(scope: Construct, construct_id: str, name: str) -> iam.Role:
    return iam.Role(
        scope,
        construct_id,
        role_name=name,
        assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
    )
