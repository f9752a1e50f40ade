"""A stack with a database cluster, a load balancer and a service runs real processes.

All tests use the same stack, in the order of this file.
"""

import concurrent.futures
import http.client
import json
import os
import signal
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pg8000.dbapi
import psutil
import pytest
from botocore.exceptions import WaiterError

from local_cloud.aws import ACCOUNT, REGION, AwsClients
from local_cloud.certificates import LocalAuthority
from local_cloud.paths import STATE_MARK, CloudPaths
from local_cloud.server import start_cloud, stop_cloud

REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/app"
PROGRAM = """
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = " ".join([os.environ["WHO"], os.environ["PASSWORD"]]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
if os.environ["WHO"] == "broken":
    sys.exit("broken on purpose")
if os.environ["WHO"] == "slow":
    time.sleep(60)
http.server.HTTPServer((os.environ["BIND_ADDRESS"], 8080), Handler).serve_forever()
"""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    paths: CloudPaths
    aws: AwsClients
    authority: LocalAuthority
    certificate_arn: str

    def template(self, *, who: str, tasks_max: int = 4) -> str:
        return json.dumps(template(self.certificate_arn, who=who, tasks_max=tasks_max))

    def tasks_wanted(self) -> int:
        (service,) = self.aws.ecs.describe_services(cluster="app", services=["app"])["services"]
        return service["desiredCount"]

    def outputs(self) -> dict[str, str]:
        stack = self.aws.cloudformation.describe_stacks(StackName="app")["Stacks"][0]
        return {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}

    def ask(self) -> str:
        # The certificate is for another address: only its chain is verified.
        context = ssl.create_default_context(cafile=str(self.authority.certificate_file))
        context.check_hostname = False
        url = f"https://{self.outputs()['Host']}:{PORT}/"
        with urllib.request.urlopen(url, context=context, timeout=10) as answer:
            return str(answer.read().decode())

    def served_certificate(self) -> bytes:
        pem = ssl.get_server_certificate((self.outputs()["Host"], PORT))
        return ssl.PEM_cert_to_DER_cert(pem)


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
            "Task": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {
                    "Family": "app",
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
                "DependsOn": ["Listener", "Errors"],
                "Properties": {
                    "Cluster": {"Ref": "Ecs"},
                    "ServiceName": "app",
                    "TaskDefinition": {"Ref": "Task"},
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


def wait(aws: AwsClients, waiter: Any) -> None:
    try:
        aws.cloudformation.get_waiter(waiter).wait(
            StackName="app", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
    except WaiterError as error:
        events = aws.cloudformation.describe_stack_events(StackName="app")["StackEvents"]
        reasons = [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}" for e in events]
        raise AssertionError(f"{error}; {reasons}") from error


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    paths = CloudPaths(tmp_path_factory.mktemp("state"))
    try:
        yield _deploy(paths, tmp_path_factory.mktemp("authority"))
    finally:
        stop_cloud(paths)
    left = [p for p in psutil.process_iter() if _is_marked(p, paths.state)]
    assert left == []


def _deploy(paths: CloudPaths, authority_folder: Path) -> Deployed:
    aws = AwsClients(start_cloud(paths).endpoint_url)
    _publish_image(paths)
    authority = LocalAuthority(authority_folder)
    files = authority.issue(name="balancer", addresses=["127.0.0.1"])
    imported = aws.acm.import_certificate(
        Certificate=files.certificate_file.read_bytes(), PrivateKey=files.key_file.read_bytes()
    )
    found = Deployed(
        paths=paths, aws=aws, authority=authority, certificate_arn=imported["CertificateArn"]
    )
    aws.cloudformation.create_stack(StackName="app", TemplateBody=found.template(who="first"))
    wait(aws, "stack_create_complete")
    return found


def _publish_image(paths: CloudPaths) -> None:
    image = paths.state / "images" / "registry" / "app" / "1"
    (image / "rootfs" / "srv").mkdir(parents=True)
    (image / "rootfs" / "srv" / "program.py").write_text(PROGRAM)
    (image / "image.json").write_text(
        json.dumps(
            {
                "workdir": "/srv", "env": {}, "cmd": ["python", "program.py"],
                "source_hash": "", "not_executed": [],
            }
        )
    )  # fmt: skip


def _is_marked(process: psutil.Process, state: Path) -> bool:
    try:
        return process.environ().get(STATE_MARK) == str(state)
    except psutil.Error:
        return False


def test_the_service_answers_behind_the_load_balancer_with_its_secret(deployed: Deployed) -> None:
    who, password = deployed.ask().split(" ")
    secret = deployed.aws.secretsmanager.get_secret_value(SecretId=deployed.outputs()["SecretArn"])
    assert who == "first"
    assert password == json.loads(secret["SecretString"])["password"]
    assert password.isalnum(), "ExcludePunctuation is applied"


def test_an_imported_certificate_is_served_under_its_arn_while_clients_are_answered(
    deployed: Deployed,
) -> None:
    """A request that arrives while Caddy changes its configuration is sent again."""
    renewed = deployed.authority.issue(name="renewed", addresses=["127.0.0.1"])
    wanted = ssl.PEM_cert_to_DER_cert(renewed.certificate_file.read_text())
    assert deployed.served_certificate() != wanted
    with concurrent.futures.ThreadPoolExecutor(4) as clients:
        stop = threading.Event()

        def ask_all_the_time() -> int:
            answers = 0
            while not stop.is_set():
                try:
                    answer = deployed.ask()
                except http.client.RemoteDisconnected:
                    answer = deployed.ask()
                assert answer.startswith("first ")
                answers += 1
            return answers

        asking = [clients.submit(ask_all_the_time) for _ in range(4)]
        try:
            deployed.aws.acm.import_certificate(
                CertificateArn=deployed.certificate_arn,
                Certificate=renewed.certificate_file.read_bytes(),
                PrivateKey=renewed.key_file.read_bytes(),
            )
            deadline = time.monotonic() + 30
            while deployed.served_certificate() != wanted:
                assert time.monotonic() < deadline, "the old certificate is still served"
                time.sleep(0.05)
        finally:
            stop.set()
        assert all(future.result() for future in asking)


def test_the_cluster_has_a_writer_and_a_standby_behind_verified_tls(deployed: Deployed) -> None:
    outputs = deployed.outputs()
    secret = deployed.aws.secretsmanager.get_secret_value(SecretId=outputs["SecretArn"])
    roots = LocalAuthority(deployed.paths.database_authority).certificate_file
    is_standby = {}
    for role in ("WriterHost", "ReaderHost"):
        connection = pg8000.dbapi.connect(
            user="root",
            password=json.loads(secret["SecretString"])["password"],
            host=outputs[role],
            port=int(outputs["Port"]),
            database="books",
            ssl_context=ssl.create_default_context(cafile=str(roots)),
            timeout=10,
        )
        cursor = connection.cursor()
        cursor.execute("SELECT pg_is_in_recovery()")
        is_standby[role] = cursor.fetchone()[0]
        connection.close()
    assert is_standby == {"WriterHost": False, "ReaderHost": True}


def test_s65_a_killed_writer_is_replaced_and_the_api_names_the_new_one(deployed: Deployed) -> None:
    (file,) = deployed.paths.databases.glob("*.json")
    before = {d["role"]: d for d in json.loads(file.read_text())}

    os.kill(before["writer"]["pid"], signal.SIGKILL)

    deadline = time.monotonic() + 60
    while True:
        after = {d["role"]: d for d in json.loads(file.read_text())}
        states = {role: d["state"] for role, d in after.items()}
        has_moved = after["writer"]["instance"] == before["standby"]["instance"]
        if has_moved and states == {"writer": "serving", "standby": "in sync"}:
            break
        assert time.monotonic() < deadline, "the standby did not take over"
        time.sleep(0.05)
    (cluster,) = deployed.aws.rds.describe_db_clusters()["DBClusters"]
    writers = [m for m in cluster["DBClusterMembers"] if m["IsClusterWriter"]]
    assert [m["DBInstanceIdentifier"] for m in writers] == [after["writer"]["instance"]]
    assert after["writer"]["address"].split(":")[0] == cluster["Endpoint"]
    assert cluster["Endpoint"] == deployed.outputs()["ReaderHost"]  # clients know both


def test_s31_the_scalable_target_starts_tasks_and_an_update_keeps_their_number(
    deployed: Deployed,
) -> None:
    assert deployed.tasks_wanted() == 2, "its minimum: the service itself asks for none"
    deployed.aws.ecs.update_service(cluster="app", service="app", desiredCount=4)

    _update(deployed, who="second")
    assert deployed.tasks_wanted() == 4, "a deployment changes no number of tasks"

    _update(deployed, who="first", tasks_max=3)
    assert deployed.tasks_wanted() == 3, "a lower maximum does"
    deployed.aws.ecs.update_service(cluster="app", service="app", desiredCount=2)


def _update(deployed: Deployed, *, who: str, tasks_max: int = 4) -> None:
    deployed.aws.cloudformation.update_stack(
        StackName="app", TemplateBody=deployed.template(who=who, tasks_max=tasks_max)
    )
    wait(deployed.aws, "stack_update_complete")


def test_s31_a_broken_version_is_rolled_back_while_the_old_one_answers(deployed: Deployed) -> None:
    deployed.aws.cloudformation.update_stack(
        StackName="app", TemplateBody=deployed.template(who="broken")
    )
    with pytest.raises(Exception, match="StackUpdateComplete"):
        wait(deployed.aws, "stack_update_complete")
    events = deployed.aws.cloudformation.describe_stack_events(StackName="app")["StackEvents"]
    reasons = " ".join(e.get("ResourceStatusReason", "") for e in events)
    assert "broken on purpose" in reasons, "the last line of the task's log"
    assert deployed.ask().startswith("first ")


def test_s31_a_version_whose_alarm_starts_is_rolled_back(deployed: Deployed) -> None:
    file = deployed.paths.services / "app.json"
    deployed.aws.cloudformation.update_stack(
        StackName="app", TemplateBody=deployed.template(who="slow")
    )
    deadline = time.monotonic() + 30
    while not any(task["state"] == "starting" for task in json.loads(file.read_text())):
        assert time.monotonic() < deadline, "no new task was started"
        time.sleep(0.05)

    deployed.aws.cloudwatch.set_alarm_state(
        AlarmName="app-errors", StateValue="ALARM", StateReason="the test says so"
    )

    with pytest.raises(Exception, match="StackUpdateComplete"):
        wait(deployed.aws, "stack_update_complete")
    events = deployed.aws.cloudformation.describe_stack_events(StackName="app")["StackEvents"]
    assert "alarm app-errors started" in " ".join(e.get("ResourceStatusReason", "") for e in events)
    assert deployed.ask().startswith("first ")


def test_s31_a_killed_task_is_replaced_and_a_retry_is_answered(
    deployed: Deployed,
) -> None:
    """The request in the killed task fails, as on AWS: the client retries."""
    file = deployed.paths.services / "app.json"
    victim = json.loads(file.read_text())[0]
    os.kill(victim["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 30
    while True:
        try:
            answer = deployed.ask()
        except (OSError, http.client.HTTPException):
            answer = deployed.ask()
        assert answer.startswith("first ")
        tasks = json.loads(file.read_text())
        healthy = {t["id"] for t in tasks if t["state"] == "healthy"}
        if len(healthy) == 2 and victim["id"] not in healthy:
            break
        assert time.monotonic() < deadline, "the task was not replaced"


def test_a_deleted_stack_leaves_no_process_and_no_data(deployed: Deployed) -> None:
    """Must run last."""
    deployed.aws.cloudformation.delete_stack(StackName="app")
    wait(deployed.aws, "stack_delete_complete")
    commands = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    assert not [c for c in commands if str(deployed.paths.databases) in c]
    assert list(deployed.paths.databases.glob("*/writer")) == []
    assert json.loads(deployed.paths.addresses.read_text()) == {}
