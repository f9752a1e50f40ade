"""S30, S31, S63: the service, its load balancer and its deployments."""

from app_service.http_server.limits import Limits
from app_service.settings import ServiceSecrets, ServiceSettings
from infra.network import ZONES
from tests.infra.configurations import CERTIFICATE_ARN
from tests.infra.templates import Synthesized, text


def test_s30_tasks_run_in_the_private_subnets_of_both_zones(ephemeral: Synthesized) -> None:
    service = ephemeral.one("AWS::ECS::Service", ServiceName="transaction-service-dev")
    network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
    zones = [
        ephemeral.resources[s["Ref"]]["Properties"]["AvailabilityZone"]["Fn::Select"][0]
        for s in network["Subnets"]
    ]

    assert service["LaunchType"] == "FARGATE"
    assert service["AvailabilityZoneRebalancing"] == "ENABLED"
    assert zones == [0, 1]
    assert network["AssignPublicIp"] == "DISABLED"


def test_s31_a_bad_deployment_is_rolled_back_and_takes_no_capacity(ephemeral: Synthesized) -> None:
    deployment = ephemeral.one("AWS::ECS::Service")["DeploymentConfiguration"]

    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert deployment["MinimumHealthyPercent"] == 100
    assert deployment["MaximumPercent"] == 200


def test_s31_tasks_are_added_by_cpu_and_by_memory(ephemeral: Synthesized) -> None:
    policies = text(ephemeral.properties("AWS::ApplicationAutoScaling::ScalingPolicy"))

    assert "ECSServiceAverageCPUUtilization" in policies
    assert "ECSServiceAverageMemoryUtilization" in policies


def test_s31_a_deployment_does_not_set_the_number_of_tasks_back(every: Synthesized) -> None:
    """CloudFormation would set a service that is scaled out back to its `DesiredCount`."""
    scaled = text(every.properties("AWS::ApplicationAutoScaling::ScalableTarget"))

    for name, resource in every.resources.items():
        if resource["Type"] == "AWS::ECS::Service":
            assert name in scaled, "without a scalable target the service has one task"
            assert "DesiredCount" not in resource["Properties"]


def test_s31_every_zone_has_a_task_and_load_adds_more(every: Synthesized) -> None:
    scaling = every.one("AWS::ApplicationAutoScaling::ScalableTarget")

    assert scaling["MinCapacity"] >= ZONES
    assert scaling["MaxCapacity"] > scaling["MinCapacity"]


def test_the_service_can_read_its_settings(ephemeral: Synthesized) -> None:
    (container,) = ephemeral.one("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    variables = {v["Name"]: v["Value"] for v in container["Environment"]}

    settings = ServiceSettings.from_env(
        {name: v if isinstance(v, str) else "filled" for name, v in variables.items()}
    )

    assert settings.database_ca_file == "/srv/app_service/trust/aws-rds.pem"
    assert settings.environment_suffix == "dev"
    assert {s["Name"] for s in container["Secrets"]} == set(ServiceSecrets.variable_names())


def test_the_version_of_the_service_is_that_of_its_image(ephemeral: Synthesized) -> None:
    (container,) = ephemeral.one("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    version = {v["Name"]: v["Value"] for v in container["Environment"]}["SERVICE_VERSION"]

    assert f":{version}" in text(container["Image"])


def test_the_task_can_write_only_to_tmp(ephemeral: Synthesized) -> None:
    task = ephemeral.one("AWS::ECS::TaskDefinition")
    (container,) = task["ContainerDefinitions"]

    assert container["ReadonlyRootFilesystem"] is True
    assert container["MountPoints"] == [
        {"ContainerPath": "/tmp", "ReadOnly": False, "SourceVolume": "tmp"}
    ]
    assert task["Volumes"] == [{"Name": "tmp"}]
    assert task["RuntimePlatform"]["CpuArchitecture"] == "X86_64"


def test_s52_the_tasks_log_to_a_group_of_the_stack(ephemeral: Synthesized) -> None:
    group, _ = ephemeral.only("AWS::Logs::LogGroup", LogGroupName="/ecs/transaction-service-dev")
    (container,) = ephemeral.one("AWS::ECS::TaskDefinition")["ContainerDefinitions"]

    assert container["LogConfiguration"]["Options"]["awslogs-group"] == {"Ref": group}


def test_s64_the_service_may_use_sessions_and_send_to_the_audit_queue(
    ephemeral: Synthesized,
) -> None:
    services = {a.split(":")[0] for a in ephemeral.actions_of("transaction-service-role-dev")}
    sends = [
        ephemeral.resources[s["Resource"]["Fn::GetAtt"][0]]["Properties"]["QueueName"]
        for s in ephemeral.statements_of("transaction-service-role-dev")
        if "sqs:SendMessage" in s["Action"]
    ]

    assert services == {"dynamodb", "sqs", "kms"}
    assert sends == ["audit-queue-dev"]


def test_the_service_starts_after_the_load_balancer_and_its_permissions(
    ephemeral: Synthesized,
) -> None:
    service, _ = ephemeral.only("AWS::ECS::Service")
    role, _ = ephemeral.only("AWS::IAM::Role", RoleName="transaction-service-start-role-dev")
    policies = [
        name
        for name, p in ephemeral.all("AWS::IAM::Policy").items()
        if {"Ref": role} in p["Properties"]["Roles"]
    ]
    listener, _ = ephemeral.only("AWS::ElasticLoadBalancingV2::Listener")

    for needed in (listener, *policies, *ephemeral.all("AWS::EC2::NatGateway")):
        assert ephemeral.comes_before(needed, service)


def test_s63_clients_and_tasks_are_reached_over_tls(ephemeral: Synthesized) -> None:
    listener = ephemeral.one("AWS::ElasticLoadBalancingV2::Listener")
    targets = ephemeral.one("AWS::ElasticLoadBalancingV2::TargetGroup")

    assert (listener["Protocol"], listener["Port"]) == ("HTTPS", 443)
    assert listener["SslPolicy"].startswith("ELBSecurityPolicy-TLS13")
    assert (targets["Protocol"], targets["Port"]) == ("HTTPS", 8443)


def test_the_listener_has_the_configured_port(production: Synthesized) -> None:
    assert production.one("AWS::ElasticLoadBalancingV2::Listener")["Port"] == 8443
    assert text(production.json["Outputs"]["ApiUrl"]).endswith('":8443"]]}}')


def test_s30_a_dead_task_is_noticed_within_ten_seconds(ephemeral: Synthesized) -> None:
    targets = ephemeral.one("AWS::ElasticLoadBalancingV2::TargetGroup")

    assert targets["HealthCheckPath"] == "/health/live"
    assert targets["HealthCheckProtocol"] == "HTTPS"
    assert targets["HealthCheckIntervalSeconds"] * targets["UnhealthyThresholdCount"] <= 10
    assert {"Key": "deregistration_delay.timeout_seconds", "Value": "15"} in targets[
        "TargetGroupAttributes"
    ]


def test_the_load_balancer_is_public_strict_and_deletable(ephemeral: Synthesized) -> None:
    balancer = ephemeral.one("AWS::ElasticLoadBalancingV2::LoadBalancer")
    attributes = {a["Key"]: a["Value"] for a in balancer["LoadBalancerAttributes"]}

    assert balancer["Name"] == "transaction-alb-dev"
    assert balancer["Scheme"] == "internet-facing"
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert attributes["deletion_protection.enabled"] == "false"


def test_s65_an_operator_may_move_requests_out_of_a_zone(ephemeral: Synthesized) -> None:
    balancer = ephemeral.one("AWS::ElasticLoadBalancingV2::LoadBalancer")

    assert {"Key": "zonal_shift.config.enabled", "Value": "true"} in balancer[
        "LoadBalancerAttributes"
    ]


def test_the_service_closes_idle_connections_after_the_load_balancer(
    ephemeral: Synthesized,
) -> None:
    """Otherwise the load balancer sends a request on a closing connection and answers 502."""
    balancer = ephemeral.one("AWS::ElasticLoadBalancingV2::LoadBalancer")
    attributes = {a["Key"]: a["Value"] for a in balancer["LoadBalancerAttributes"]}

    assert int(attributes["idle_timeout.timeout_seconds"]) < Limits().keep_alive_seconds


def test_requests_are_logged_and_the_log_is_deleted_with_the_load_balancer(
    ephemeral: Synthesized,
) -> None:
    balancer, properties = ephemeral.only("AWS::ElasticLoadBalancingV2::LoadBalancer")
    attributes = {a["Key"]: a["Value"] for a in properties["LoadBalancerAttributes"]}
    bucket = attributes["access_logs.s3.bucket"]["Ref"]
    emptied, _ = ephemeral.only("Custom::S3AutoDeleteObjects", BucketName={"Ref": bucket})
    policy = ephemeral.one("AWS::S3::BucketPolicy", Bucket={"Ref": bucket})

    assert attributes["access_logs.s3.enabled"] == "true"
    assert "logdelivery.elasticloadbalancing.amazonaws.com" in text(policy)
    # Deletion runs in reverse: the load balancer is deleted before its bucket is emptied.
    assert ephemeral.comes_before(emptied, balancer)
    (rule,) = ephemeral.resources[bucket]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 7


def test_the_certificate_is_for_the_dns_name_of_the_load_balancer(ephemeral: Synthesized) -> None:
    balancer, _ = ephemeral.only("AWS::ElasticLoadBalancingV2::LoadBalancer")
    certificate_id, certificate = ephemeral.only("Custom::EnvironmentCertificate")
    listener = ephemeral.one("AWS::ElasticLoadBalancingV2::Listener")

    assert certificate["Names"] == [{"Fn::GetAtt": [balancer, "DNSName"]}]
    assert listener["Certificates"] == [
        {"CertificateArn": {"Fn::GetAtt": [certificate_id, "CertificateArn"]}}
    ]


def test_s30_an_environment_with_a_domain_has_that_name_and_certificate(
    ephemeral: Synthesized, named: Synthesized
) -> None:
    listener = named.one("AWS::ElasticLoadBalancingV2::Listener")
    outputs = named.json["Outputs"]

    assert listener["Certificates"] == [{"CertificateArn": CERTIFICATE_ARN}]
    assert outputs["ApiUrl"]["Value"] == "https://dev.pay.example.com"
    assert outputs["ApiDocsUrl"]["Value"] == "https://dev.pay.example.com/docs"
    # No certificate is created, so no output holds one and no function can create one.
    assert set(ephemeral.json["Outputs"]) - set(outputs) == {"ApiCertificate", "ApiCertificateDer"}
    assert "environment-certificate" not in text(named.json)


def test_s30_the_domain_resolves_to_the_load_balancer(
    ephemeral: Synthesized, named: Synthesized
) -> None:
    balancer, _ = named.only("AWS::ElasticLoadBalancingV2::LoadBalancer")
    record = named.one("AWS::Route53::RecordSet")

    assert ephemeral.all("AWS::Route53::RecordSet") == {}
    assert (record["Name"], record["Type"]) == ("dev.pay.example.com.", "A")
    assert record["HostedZoneId"] == "Z0123456789AB"
    assert {"Fn::GetAtt": [balancer, "CanonicalHostedZoneID"]} == record["AliasTarget"][
        "HostedZoneId"
    ]


def test_s64_the_certificate_function_may_use_certificates_and_their_authority_only(
    ephemeral: Synthesized,
) -> None:
    actions = ephemeral.actions_of("environment-certificate-role-dev")

    assert {a.split(":")[0] for a in actions} == {"acm", "logs", "kms", "secretsmanager"}


def test_s50_the_trunks_environments_have_metrics_of_each_task(production: Synthesized) -> None:
    cluster = production.one("AWS::ECS::Cluster")

    assert cluster["ClusterSettings"] == [{"Name": "containerInsights", "Value": "enhanced"}]
