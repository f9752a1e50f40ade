"""The security groups and all connections that they allow."""

from typing import Final

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from app_service.settings import ServiceSettings
from infra.naming import EnvironmentSuffix, pascal_case

DATABASE_PORT: Final = ServiceSettings.database_port
TASK_PORT: Final = ServiceSettings.port
HTTPS_PORT: Final = 443


class SecurityGroups(Construct):
    """One security group for each kind of resource, and the connections between them.

    clients -> load_balancer -> tasks -> database; processor, migrator and verifier -> database;
    and from tasks, processor, migrator and verifier to the AWS APIs.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        vpc: ec2.IVpc,
        api_port: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self._suffix = suffix
        self._vpc = vpc

        self.load_balancer = self._group("load-balancer")
        self.tasks = self._group("tasks")
        self.processor = self._group("processor")
        self.migrator = self._group("migrator")
        self.verifier = self._group("verifier")
        self.database = self._group("database")

        self.load_balancer.add_ingress_rule(
            ec2.Peer.any_ipv4(), ec2.Port.tcp(api_port), "clients over HTTPS"
        )
        self._allow(self.load_balancer, self.tasks, TASK_PORT)
        for client in (self.tasks, self.processor, self.migrator, self.verifier):
            self._allow(client, self.database, DATABASE_PORT)
            # The AWS APIs have no fixed addresses, so the rule limits the port only: secrets,
            # queues, images and logs. S3 and DynamoDB are reached through gateway endpoints.
            client.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS_PORT), "AWS APIs")

    def _group(self, name: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self,
            pascal_case(name),
            vpc=self._vpc,
            security_group_name=self._suffix.physical_name(f"{name}-sg"),
            description=f"{name} of {self._suffix}",
            allow_all_outbound=False,
        )

    def _allow(self, source: ec2.SecurityGroup, target: ec2.SecurityGroup, port: int) -> None:
        what = f"{source.node.id} to {target.node.id}"
        source.add_egress_rule(target, ec2.Port.tcp(port), what)
        target.add_ingress_rule(source, ec2.Port.tcp(port), what)
