"""The load balancer of the API: HTTPS from clients, HTTPS to the tasks."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from app_service.settings import LIVE_PATH
from infra.certificate import EnvironmentCertificate
from infra.domain import DomainConfig, point_to
from infra.naming import LOAD_BALANCER_NAME_MAX, EnvironmentSuffix
from infra.network import PUBLIC
from infra.python_function import PythonFunction
from infra.security_groups import HTTPS_PORT, TASK_PORT

ACCESS_LOGS: Final = "transaction-access-logs"


class LoadBalancer(Construct):
    """An internet-facing load balancer with a certificate and one target group.

    Attach the service to `targets`. `url` is the address of the API, without a slash at the end.
    Without a `domain` the environment signs the certificate; `certificate_outputs` hold for clients
    what verifies it, and `certificate_creator` is the function that renews it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        api_port: int,
        domain: DomainConfig | None,
        vpc: ec2.IVpc,
        security_group: ec2.ISecurityGroup,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)

        self.load_balancer = elbv2.ApplicationLoadBalancer(
            self,
            "LoadBalancer",
            load_balancer_name=suffix.physical_name(
                "transaction-alb", longest=LOAD_BALANCER_NAME_MAX
            ),
            vpc=vpc,
            vpc_subnets=PUBLIC,
            internet_facing=True,
            security_group=security_group,
            drop_invalid_header_fields=True,
            deletion_protection=False,
            idle_timeout=Duration.seconds(60),
        )
        # Lets an operator move requests out of a zone before its health checks fail. AWS does it by
        # itself only where zonal autoshift is configured, which it is not.
        self.load_balancer.set_attribute("zonal_shift.config.enabled", "true")
        self._log_requests(suffix)
        dns_name = self.load_balancer.load_balancer_dns_name
        self.certificate_outputs: dict[str, str] = {}
        self.certificate_creator: PythonFunction | None = None
        if domain is None:
            host = dns_name
            certificate = EnvironmentCertificate(
                self, "Certificate", suffix=suffix, dns_name=dns_name, key=key
            )
            self.certificate_arn, self.certificate_outputs = certificate.arn, certificate.outputs
            self.certificate_creator = certificate.creator
        else:
            host = domain.host(suffix)
            self.certificate_arn = domain.certificate_arn
            if domain.zone is not None:
                point_to(
                    self, "Name", host=host, zone=domain.zone, load_balancer=self.load_balancer
                )
        self.targets = elbv2.ApplicationTargetGroup(
            self,
            "Targets",
            target_group_name=suffix.physical_name(
                "transaction-tg", longest=LOAD_BALANCER_NAME_MAX
            ),
            vpc=vpc,
            target_type=elbv2.TargetType.IP,
            protocol=elbv2.ApplicationProtocol.HTTPS,
            port=TASK_PORT,
            # Does not ask the database: its failure must not make every task unhealthy.
            health_check=elbv2.HealthCheck(
                protocol=elbv2.Protocol.HTTPS,
                path=LIVE_PATH,
                healthy_http_codes="200",
                interval=Duration.seconds(5),
                timeout=Duration.seconds(3),
                healthy_threshold_count=2,
                unhealthy_threshold_count=2,
            ),
            deregistration_delay=Duration.seconds(15),
        )
        self.listener = self.load_balancer.add_listener(
            "Https",
            port=api_port,
            protocol=elbv2.ApplicationProtocol.HTTPS,
            certificates=[elbv2.ListenerCertificate.from_arn(self.certificate_arn)],
            ssl_policy=elbv2.SslPolicy.RECOMMENDED_TLS,
            default_target_groups=[self.targets],
            open=False,  # infra/security_groups.py has the rules
        )
        port = "" if api_port == HTTPS_PORT else f":{api_port}"
        self.url = f"https://{host}{port}"

    def _log_requests(self, suffix: EnvironmentSuffix) -> None:
        stack = Stack.of(self)
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            bucket_name=suffix.global_name(ACCESS_LOGS, account=stack.account),
            encryption=s3.BucketEncryption.S3_MANAGED,  # required by load balancers
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(7))],
            auto_delete_objects=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LoadBalancersOfThisAccount",
                principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[bucket.arn_for_objects(f"AWSLogs/{stack.account}/*")],
                conditions={
                    "ArnLike": {
                        "aws:SourceArn": stack.format_arn(
                            service="elasticloadbalancing",
                            resource="loadbalancer",
                            resource_name="*",
                        )
                    }
                },
            )
        )
        self.load_balancer.set_attribute("access_logs.s3.enabled", "true")
        self.load_balancer.set_attribute("access_logs.s3.bucket", bucket.bucket_name)
        # Deleted before the bucket is emptied, so that no log is written afterwards.
        self.load_balancer.node.add_dependency(bucket)
