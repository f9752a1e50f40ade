"""The ledger's database: Aurora PostgreSQL Serverless v2 with a writer and a reader.

Aurora decides which of the two instances writes: the one that is available first, until it fails.
"""

from dataclasses import dataclass
from typing import cast

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.database_metrics import monitoring_role
from infra.log_groups import log_group
from infra.naming import EnvironmentSuffix
from infra.network import ISOLATED
from infra.security_groups import DATABASE_PORT

DATABASE_NAME = "ledger"
ADMINISTRATOR = "ledger_admin"
# Night in us-east-1. AWS refuses windows that overlap.
BACKUP_WINDOW_UTC = "06:00-07:00"
MAINTENANCE_WINDOW_UTC = "sun:07:30-sun:08:30"
# The migrations create these roles; the migrator sets their passwords from these secrets.
SERVICE_ROLE = "ledger_service"
PROCESSOR_ROLE = "ledger_processor"
AUDITOR_ROLE = "ledger_auditor"
_FIRST, _SECOND = "First", "Second"


def cluster_name(suffix: EnvironmentSuffix) -> str:
    return suffix.physical_name("transaction-db")


@dataclass(frozen=True, kw_only=True)
class DatabaseConfig:
    engine_version: str = "15.8"  # the context may name a newer 15.x: AWS withdraws minor versions
    engine_version_requested: str | None = None  # if another one is deployed or created
    capacity_units_min: float = 0.5
    capacity_units_max: float = 4
    backup_retention_days: int = 7
    # Both instances at the same time: faster, but CloudFormation then also updates them so.
    is_created_side_by_side: bool = False
    metrics_interval_seconds: int | None = None  # of the operating system; None: not recorded
    ca_file: str | None = None  # CA bundle of clients; None: the AWS roots that they contain

    @property
    def connections_max(self) -> int:
        """`max_connections` as Aurora derives it from the capacity.

        The line fits the table in Aurora's documentation: 189, 823, 1669 and 3360 for 1, 4, 8 and
        16 units.
        """
        limit = 2000 if self.capacity_units_min < 1 else 5000
        return min(int(211.4 * self.capacity_units_max - 22), limit)


class Database(Construct):
    """A writer and a reader in different zones, reachable only inside the VPC and over TLS.

    Clients connect to `writer_host` or `reader_host`. Only the migrator may read the secret of the
    administrator; service, processor and auditor have their own roles and secrets.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: DatabaseConfig,
        vpc: ec2.IVpc,
        security_group: ec2.ISecurityGroup,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._suffix = suffix
        self._key = key
        self.engine_version = config.engine_version
        self.engine_version_note = _note(config)
        self.connections_max = config.connections_max
        self.ca_file = config.ca_file
        name = cluster_name(suffix)
        zones = Stack.of(self).availability_zones

        # Otherwise RDS creates this group, and it remains when the stack is deleted.
        logs = log_group(self, "Logs", name=f"/aws/rds/cluster/{name}/postgresql", key=key)
        engine = rds.DatabaseClusterEngine.aurora_postgres(
            version=rds.AuroraPostgresEngineVersion.of(
                config.engine_version, config.engine_version.split(".")[0]
            )
        )
        interval, role = self._operating_system_metrics(config.metrics_interval_seconds)
        self.cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            cluster_identifier=name,
            engine=engine,
            parameter_group=rds.ParameterGroup(
                self,
                "Parameters",
                engine=engine,
                name=suffix.physical_name("transaction-db-parameters"),
                description=f"TLS is required in {suffix}",
                parameters={
                    "rds.force_ssl": "1",
                    # For incidents: which statement waited for which lock, and how long. Without
                    # the values of parameters, because they are customers' amounts.
                    "log_lock_waits": "1",
                    "log_min_duration_statement": "500",
                    "log_parameter_max_length": "0",
                    "log_parameter_max_length_on_error": "0",
                },
                removal_policy=RemovalPolicy.DESTROY,
            ),
            credentials=rds.Credentials.from_generated_secret(
                ADMINISTRATOR,
                encryption_key=key,
                secret_name=suffix.physical_name("transaction-db-admin"),
            ),
            default_database_name=DATABASE_NAME,
            port=DATABASE_PORT,
            # For CDK one of them is the writer. Both scale with the one that writes, so that the
            # other one can take over under full load.
            writer=self._instance(_FIRST, zone=zones[0]),
            readers=[self._instance(_SECOND, zone=zones[1], scale_with_writer=True)],
            serverless_v2_min_capacity=config.capacity_units_min,
            serverless_v2_max_capacity=config.capacity_units_max,
            vpc=vpc,
            vpc_subnets=ISOLATED,
            security_groups=[security_group],
            subnet_group=rds.SubnetGroup(
                self,
                "Subnets",
                subnet_group_name=suffix.physical_name("transaction-db-subnets"),
                description=f"Isolated subnets of {suffix}",
                vpc=vpc,
                vpc_subnets=ISOLATED,
                removal_policy=RemovalPolicy.DESTROY,
            ),
            storage_encrypted=True,
            storage_encryption_key=key,
            backup=rds.BackupProps(
                retention=Duration.days(config.backup_retention_days),
                preferred_window=BACKUP_WINDOW_UTC,
            ),
            preferred_maintenance_window=MAINTENANCE_WINDOW_UTC,
            delete_automated_backups=True,
            copy_tags_to_snapshot=True,
            cloudwatch_logs_exports=["postgresql"],
            monitoring_interval=interval,
            monitoring_role=role,
            deletion_protection=False,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.cluster.node.add_dependency(logs)

        assert self.cluster.secret is not None  # credentials were generated above
        self.administrator_secret = self.cluster.secret
        self.service_secret = self._role_secret("ServiceSecret", SERVICE_ROLE)
        self.processor_secret = self._role_secret("ProcessorSecret", PROCESSOR_ROLE)
        self.auditor_secret = self._role_secret("AuditorSecret", AUDITOR_ROLE)

        # Before the first statement: the instances of which one writes.
        writers = [self.cluster.node.find_child(_FIRST)]
        if config.is_created_side_by_side:
            second = self.cluster.node.find_child(_SECOND)
            _create_side_by_side(cast(rds.CfnDBInstance, second.node.default_child))
            writers.append(second)
        self.first_needed = tuple(
            cast(Construct, needed) for needed in (*writers, self.administrator_secret)
        )
        self.name = DATABASE_NAME
        self.port = DATABASE_PORT
        self.writer_host = self.cluster.cluster_endpoint.hostname
        self.reader_host = self.cluster.cluster_read_endpoint.hostname

    def _instance(
        self, construct_id: str, *, zone: str, scale_with_writer: bool | None = None
    ) -> rds.IClusterInstance:
        return rds.ClusterInstance.serverless_v2(
            construct_id,
            instance_identifier=self._suffix.physical_name(
                f"transaction-db-{construct_id.lower()}"
            ),
            availability_zone=zone,
            scale_with_writer=scale_with_writer,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            enable_performance_insights=True,
            performance_insight_encryption_key=self._key,
            performance_insight_retention=rds.PerformanceInsightRetention.DEFAULT,  # 7 days, free
            auto_minor_version_upgrade=False,
            publicly_accessible=False,
        )

    def _operating_system_metrics(
        self, seconds: int | None
    ) -> tuple[Duration | None, iam.Role | None]:
        if seconds is None:
            return None, None
        instances = f"transaction-db-*-{self._suffix}"
        return Duration.seconds(seconds), monitoring_role(
            self, "MetricsRole", suffix=self._suffix, instances=instances
        )

    def _role_secret(self, construct_id: str, role: str) -> rds.DatabaseSecret:
        secret = rds.DatabaseSecret(
            self,
            construct_id,
            username=role,
            dbname=DATABASE_NAME,
            encryption_key=self._key,
            secret_name=self._suffix.physical_name(
                f"transaction-db-{role.removeprefix('ledger_')}"
            ),
        )
        secret.apply_removal_policy(RemovalPolicy.DESTROY)
        return secret


def _create_side_by_side(second: rds.CfnDBInstance) -> None:
    """CDK makes the second instance wait for the first, so that the first one becomes the writer.

    Without the order either may (https://github.com/aws/aws-cdk/issues/30260). It still needs the
    cluster, by its name.
    """
    second.add_deletion_override("DependsOn")


def _note(config: DatabaseConfig) -> str:
    requested = config.engine_version_requested or config.engine_version
    if requested == config.engine_version:
        return "The requested version"
    return f"{requested} was requested: this one was deployed before, or AWS creates no older one"
