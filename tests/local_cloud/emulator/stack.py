"""The template of a stack with a database cluster, a load balancer and a service."""

from typing import Any

from local_cloud.aws import ACCOUNT, REGION

REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/app"
PORT = 8443


def template(certificate_arn: str, *, who: str, tasks_max: int) -> dict[str, Any]:
    return {
        "Resources": {
            "Secret": {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {
                    "Name": "app",
                    "GenerateSecretString": {
                        "SecretStringTemplate": '{"username": "root"}',
                        "GenerateStringKey": "password",
                        "ExcludePunctuation": True,
                    },
                },
            },
            "Cluster": {
                "Type": "AWS::RDS::DBCluster",
                "DeletionPolicy": "Delete",
                "Properties": {
                    "Engine": "aurora-postgresql",
                    "DatabaseName": "books",
                    "MasterUsername": "root",
                    "MasterUserPassword": {
                        "Fn::Join": [
                            "",
                            [
                                "{{resolve:secretsmanager:",
                                {"Ref": "Secret"},
                                ":SecretString:password::}}",
                            ],
                        ]
                    },
                },
            },
            **{
                name: {
                    "Type": "AWS::RDS::DBInstance",
                    "DeletionPolicy": "Delete",
                    **({"DependsOn": ["Writer"]} if name == "Reader" else {}),
                    "Properties": {
                        "Engine": "aurora-postgresql",
                        "DBInstanceClass": "db.serverless",
                        "DBClusterIdentifier": {"Ref": "Cluster"},
                    },
                }
                for name in ("Writer", "Reader")
            },
            "Balancer": {
                "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
                "Properties": {"Name": "app"},
            },
            "Targets": {
                "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
                "Properties": {
                    "Name": "app",
                    "Port": 8080,
                    "Protocol": "HTTP",
                    "TargetType": "ip",
                    "HealthCheckIntervalSeconds": 5,
                    "HealthCheckPath": "/",
                },
            },
            "Listener": {
                "Type": "AWS::ElasticLoadBalancingV2::Listener",
                "Properties": {
                    "LoadBalancerArn": {"Ref": "Balancer"},
                    "Port": PORT,
                    "Protocol": "HTTPS",
                    "Certificates": [{"CertificateArn": certificate_arn}],
                    "DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Targets"}}],
                },
            },
            "Ecs": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "app"}},
            "Capacity": {
                "Type": "AWS::ECS::ClusterCapacityProviderAssociations",
                "Properties": {
                    "Cluster": {"Ref": "Ecs"},
                    "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
                    "DefaultCapacityProviderStrategy": [
                        {"CapacityProvider": "FARGATE", "Weight": 1}
                    ],
                },
            },
            "Task": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {
                    "Family": "app",
                    "RuntimePlatform": {
                        "CpuArchitecture": "ARM64",
                        "OperatingSystemFamily": "LINUX",
                    },
                    "ContainerDefinitions": [
                        {
                            "Name": "app",
                            "Image": f"{REPOSITORY}:1",
                            "Environment": [{"Name": "WHO", "Value": who}],
                            "Secrets": [
                                {
                                    "Name": "PASSWORD",
                                    "ValueFrom": {
                                        "Fn::Join": ["", [{"Ref": "Secret"}, ":password::"]]
                                    },
                                }
                            ],
                            "PortMappings": [{"ContainerPort": 8080}],
                        }
                    ],
                },
            },
            "Errors": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "AlarmName": "app-errors",
                    "Namespace": "app",
                    "MetricName": "errors",
                    "Statistic": "Sum",
                    "Period": 60,
                    "EvaluationPeriods": 1,
                    "Threshold": 1,
                    "ComparisonOperator": "GreaterThanThreshold",
                    "TreatMissingData": "ignore",
                },
            },
            "Service": {
                "Type": "AWS::ECS::Service",
                "DependsOn": ["Listener", "Errors", "Capacity"],
                "Properties": {
                    "Cluster": {"Ref": "Ecs"},
                    "ServiceName": "app",
                    "TaskDefinition": {"Ref": "Task"},
                    "CapacityProviderStrategy": [
                        {"CapacityProvider": "FARGATE", "Base": 1, "Weight": 0},
                        {"CapacityProvider": "FARGATE_SPOT", "Weight": 1},
                    ],
                    "DeploymentConfiguration": {
                        "Alarms": {
                            "AlarmNames": ["app-errors"],
                            "Enable": True,
                            "Rollback": True,
                        }
                    },
                    "LoadBalancers": [
                        {
                            "ContainerName": "app",
                            "ContainerPort": 8080,
                            "TargetGroupArn": {"Ref": "Targets"},
                        }
                    ],
                },
            },
            "Tasks": {
                "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
                "Properties": {
                    "ServiceNamespace": "ecs",
                    "ScalableDimension": "ecs:service:DesiredCount",
                    "ResourceId": {
                        "Fn::Join": [
                            "/",
                            ["service", {"Ref": "Ecs"}, {"Fn::GetAtt": ["Service", "Name"]}],
                        ]
                    },
                    "MinCapacity": 2,
                    "MaxCapacity": tasks_max,
                },
            },
        },
        "Outputs": {
            "Host": {"Value": {"Fn::GetAtt": ["Balancer", "DNSName"]}},
            "WriterHost": {"Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Address"]}},
            "ReaderHost": {"Value": {"Fn::GetAtt": ["Cluster", "ReadEndpoint.Address"]}},
            "Port": {"Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Port"]}},
            "SecretArn": {"Value": {"Ref": "Secret"}},
        },
    }
