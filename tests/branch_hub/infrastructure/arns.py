"""What CloudFormation asks IAM for when it creates and deletes the resources of a template."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

ACCOUNT: Final = "000000000000"
_PLACE: Final = f"us-east-1:{ACCOUNT}"
_VALUES: Final = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
}
# By type: the actions that create and delete, then the ARN. `{Name}` is a property of the resource.
# One without a property has no name of ours: AWS chooses it.
_KINDS: Final = {
    "AWS::CloudWatch::Alarm": "cloudwatch:PutMetricAlarm DeleteAlarms alarm:{AlarmName}",
    "AWS::CloudWatch::CompositeAlarm":
        "cloudwatch:PutCompositeAlarm DeleteAlarms alarm:{AlarmName}",
    "AWS::CloudWatch::Dashboard":
        "cloudwatch:PutDashboard DeleteDashboards dashboard/{DashboardName}",
    "AWS::CodeBuild::Project": "codebuild:CreateProject DeleteProject project/{Name}",
    "AWS::CodeBuild::ReportGroup":
        "codebuild:CreateReportGroup DeleteReportGroup report-group/{Name}",
    "AWS::CodePipeline::Pipeline": "codepipeline:CreatePipeline DeletePipeline {Name}",
    "AWS::CodeStarNotifications::NotificationRule":
        "codestar-notifications:CreateNotificationRule DeleteNotificationRule notificationrule/0a",
    "AWS::DynamoDB::Table": "dynamodb:CreateTable DeleteTable table/{TableName}",
    "AWS::EC2::EIP": "ec2:AllocateAddress ReleaseAddress elastic-ip/eipalloc-0a",
    "AWS::EC2::FlowLog": "ec2:CreateFlowLogs DeleteFlowLogs vpc-flow-log/fl-0a",
    "AWS::EC2::InternetGateway":
        "ec2:CreateInternetGateway DeleteInternetGateway internet-gateway/igw-0a",
    "AWS::EC2::NatGateway": "ec2:CreateNatGateway DeleteNatGateway natgateway/nat-0a",
    "AWS::EC2::Route": "ec2:CreateRoute DeleteRoute route-table/rtb-0a",
    "AWS::EC2::RouteTable": "ec2:CreateRouteTable DeleteRouteTable route-table/rtb-0a",
    "AWS::EC2::SecurityGroup": "ec2:CreateSecurityGroup DeleteSecurityGroup security-group/sg-0a",
    "AWS::EC2::SecurityGroupEgress":
        "ec2:AuthorizeSecurityGroupEgress RevokeSecurityGroupEgress security-group/sg-0a",
    "AWS::EC2::SecurityGroupIngress":
        "ec2:AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress security-group/sg-0a",
    "AWS::EC2::Subnet": "ec2:CreateSubnet DeleteSubnet subnet/subnet-0a",
    "AWS::EC2::SubnetRouteTableAssociation":
        "ec2:AssociateRouteTable DisassociateRouteTable route-table/rtb-0a",
    "AWS::EC2::VPC": "ec2:CreateVpc DeleteVpc vpc/vpc-0a",
    "AWS::EC2::VPCEndpoint": "ec2:CreateVpcEndpoint DeleteVpcEndpoints vpc-endpoint/vpce-0a",
    "AWS::EC2::VPCGatewayAttachment":
        "ec2:AttachInternetGateway DetachInternetGateway internet-gateway/igw-0a",
    "AWS::ECS::Cluster": "ecs:CreateCluster DeleteCluster cluster/{ClusterName}",
    "AWS::ECS::Service": "ecs:CreateService DeleteService service/transaction/{ServiceName}",
    "AWS::ECS::TaskDefinition":
        "ecs:RegisterTaskDefinition DeregisterTaskDefinition task-definition/{Family}:7",
    "AWS::ElasticLoadBalancingV2::LoadBalancer":
        "elasticloadbalancing:CreateLoadBalancer DeleteLoadBalancer loadbalancer/app/{Name}/0a",
    "AWS::ElasticLoadBalancingV2::TargetGroup":
        "elasticloadbalancing:CreateTargetGroup DeleteTargetGroup targetgroup/{Name}/0a",
    "AWS::Events::EventBus": "events:CreateEventBus DeleteEventBus event-bus/{Name}",
    "AWS::Events::Rule": "events:PutRule DeleteRule rule/{Name}",
    "AWS::FIS::ExperimentTemplate":
        "fis:CreateExperimentTemplate DeleteExperimentTemplate experiment-template/EXT0a",
    "AWS::KMS::Alias": "kms:CreateAlias DeleteAlias {AliasName}",
    "AWS::KMS::Key": "kms:CreateKey ScheduleKeyDeletion key/0a",
    "AWS::Lambda::EventSourceMapping":
        "lambda:CreateEventSourceMapping DeleteEventSourceMapping event-source-mapping:0a",
    "AWS::Lambda::Function": "lambda:CreateFunction UpdateFunctionCode function:{FunctionName}",
    "AWS::Logs::LogGroup": "logs:CreateLogGroup DeleteLogGroup log-group:{LogGroupName}",
    "AWS::RDS::DBCluster": "rds:CreateDBCluster DeleteDBCluster cluster:{DBClusterIdentifier}",
    "AWS::RDS::DBClusterParameterGroup":
        "rds:CreateDBClusterParameterGroup DeleteDBClusterParameterGroup "
        "cluster-pg:{DBClusterParameterGroupName}",
    "AWS::RDS::DBInstance": "rds:CreateDBInstance DeleteDBInstance db:{DBInstanceIdentifier}",
    "AWS::RDS::DBSubnetGroup":
        "rds:CreateDBSubnetGroup DeleteDBSubnetGroup subgrp:{DBSubnetGroupName}",
    "AWS::S3::Bucket": "s3:CreateBucket DeleteBucket {BucketName}",
    "AWS::SecretsManager::Secret":
        "secretsmanager:CreateSecret PutSecretValue secret:{Name}-AbCdEf",
    "AWS::SNS::Topic": "sns:CreateTopic DeleteTopic {TopicName}",
    "AWS::SQS::Queue": "sqs:CreateQueue DeleteQueue {QueueName}",
    # Of staging and production only. IAM knows no narrower resource for the policies of logs.
    "AWS::Logs::ResourcePolicy": "logs:PutResourcePolicy DeleteResourcePolicy log-group:0a",
    "AWS::WAFv2::WebACL": "wafv2:CreateWebACL DeleteWebACL regional/webacl/{Name}/0a",
    "AWS::WAFv2::WebACLAssociation":
        "wafv2:AssociateWebACL DisassociateWebACL regional/webacl/0a/0a",
    "AWS::WAFv2::LoggingConfiguration":
        "wafv2:PutLoggingConfiguration DeleteLoggingConfiguration regional/webacl/0a/0a",
}  # fmt: skip
# Parts of another resource of the table, which have its ARN; and roles, tested by their paths.
PARTS: Final = (
    "AWS::ElasticLoadBalancingV2::Listener", "AWS::IAM::Policy", "AWS::IAM::Role",
    "AWS::Lambda::Permission", "AWS::Lambda::Version",
    "AWS::Logs::MetricFilter", "AWS::S3::BucketPolicy", "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy", "AWS::SecretsManager::SecretTargetAttachment", "Custom::",
)  # fmt: skip
# They have neither a name nor a tag by which IAM could tell whose they are: docs/delivery.md.
UNKNOWN_OWNER: Final = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::Logs::QueryDefinition",
)
# The services whose ARNs have no region, or nothing but the name.
_GLOBAL: Final = {"s3": "arn:aws:s3:::", "cloudwatch dashboard": f"arn:aws:cloudwatch::{ACCOUNT}:"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked for one resource; `is_named`: it has a name that we give."""

    logical_id: str
    kind: str
    creates: str
    deletes: str
    arn: str
    is_named: bool


def asked_for(resources: Mapping[str, Any], *, stack: str) -> Iterator[Asked]:
    """`stack`: its name, with which CloudFormation begins the names that it chooses."""
    for logical_id, resource in resources.items():
        kind = resource["Type"]
        if kind.startswith((*PARTS, *UNKNOWN_OWNER)):
            continue
        creates, deletes, place = _KINDS[kind].split()
        service = creates.partition(":")[0]
        properties = _Named(resource.get("Properties", {}), f"{stack}-{logical_id[:20]}-0A1B2C")
        if service == "cloudwatch" and place.startswith("dashboard"):
            service = "cloudwatch dashboard"
        prefix = _GLOBAL.get(service, f"arn:aws:{service}:{_PLACE}:")
        yield Asked(
            logical_id=logical_id,
            kind=kind,
            creates=creates,
            deletes=f"{creates.partition(':')[0]}:{deletes}",
            arn=prefix + place.format_map(properties),
            is_named="{" in place and properties.are_named(place),
        )


def rendered(value: Any) -> Any:
    """A value of a template with this account's values for pseudo parameters."""
    if isinstance(value, list):
        return [rendered(part) for part in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Fn::Join": [separator, parts]}:
            texts = (p if isinstance(p, str) else json.dumps(p) for p in rendered(parts))
            return str(separator).join(texts)
        case {"Ref": name} if name in _VALUES:
            return _VALUES[name]
    return {key: rendered(part) for key, part in value.items()}


class _Named(dict[str, str]):
    def __init__(self, properties: Mapping[str, Any], chosen: str) -> None:
        super().__init__({k: rendered(v) for k, v in properties.items()})
        self._chosen = chosen

    def __missing__(self, key: str) -> str:
        return self._chosen

    def are_named(self, place: str) -> bool:
        return any(f"{{{key}}}" in place for key in self)
