"""The deployed stack, and what its tests do with it."""

import json
import ssl
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError

from local_cloud.aws import AwsClients
from local_cloud.certificates import LocalAuthority
from local_cloud.paths import CloudPaths
from tests.local_cloud.emulator.stack import PORT, template


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

    def tasks(self) -> list[Any]:
        """Those that run, as the local cloud publishes them."""
        found: list[Any] = json.loads(self.service_file.read_text())
        return found

    def until_all_tasks_are_healthy(self) -> None:
        """The scalable target raises their number after the stack is complete."""
        while True:
            wanted = self.tasks_wanted()
            if wanted > 1 and [task["state"] for task in self.tasks()] == ["healthy"] * wanted:
                return
            time.sleep(0.2)

    @property
    def service_file(self) -> Path:
        return self.paths.services / "app.json"

    def outputs(self) -> dict[str, str]:
        stack = self.aws.cloudformation.describe_stacks(StackName="app")["Stacks"][0]
        return {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}

    def ask(self) -> str:
        # The certificate is for another address: only its chain is verified.
        context = ssl.create_default_context(cafile=str(self.authority.certificate_file))
        context.check_hostname = False
        url = f"https://{self.outputs()['Host']}:{PORT}/"
        with urllib.request.urlopen(url, context=context, timeout=60) as answer:
            return str(answer.read().decode())

    def served_certificate(self) -> bytes:
        pem = ssl.get_server_certificate((self.outputs()["Host"], PORT))
        return ssl.PEM_cert_to_DER_cert(pem)


def wait(aws: AwsClients, waiter: Any) -> None:
    try:
        aws.cloudformation.get_waiter(waiter).wait(
            StackName="app", WaiterConfig={"Delay": 1, "MaxAttempts": 300}
        )
    except WaiterError as error:
        events = aws.cloudformation.describe_stack_events(StackName="app")["StackEvents"]
        reasons = [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}" for e in events]
        raise AssertionError(f"{error}; {reasons}") from error
