"""The local load balancer, with the ELB API of a test in place of the emulator's."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from local_cloud.addresses import LoopbackAddresses
from local_cloud.aws import AwsClients
from local_cloud.emulator.load_balancers import LoadBalancers

PORT = 18443


@dataclass(kw_only=True)
class Elbv2:
    """ELB's API: one load balancer, one listener, and the targets of a test."""

    host: str = ""
    targets: list[tuple[str, int]] = field(default_factory=list)

    def describe_load_balancers(self) -> dict[str, Any]:
        return {"LoadBalancers": [{"LoadBalancerArn": "arn/lb", "DNSName": self.host}]}

    def describe_listeners(self, **_: str) -> dict[str, Any]:
        action = {"Type": "forward", "TargetGroupArn": "arn:targetgroup/app/0a1b"}
        listener = {"ListenerArn": "arn/app/1/2", "Port": PORT, "DefaultActions": [action]}
        return {"Listeners": [listener]}

    def describe_target_groups(self, **_: list[str]) -> dict[str, Any]:
        return {"TargetGroups": [{"Port": 80, "Protocol": "HTTP"}]}

    def describe_target_health(self, **_: str) -> dict[str, Any]:
        targets = [{"Id": address, "Port": port} for address, port in self.targets]
        return {
            "TargetHealthDescriptions": [
                {"Target": target, "TargetHealth": {"State": "healthy"}} for target in targets
            ]
        }


@dataclass(frozen=True, kw_only=True)
class Balancer:
    elbv2: Elbv2
    balancers: LoadBalancers

    def serve(self, *targets: tuple[str, int]) -> None:
        self.elbv2.targets = list(targets)
        self.balancers.refresh()


@contextlib.contextmanager
def running_balancer(tmp_path: Path) -> Iterator[Balancer]:
    addresses = LoopbackAddresses(tmp_path / "addresses.json")
    elbv2 = Elbv2(host=addresses.allocate("lb", port=PORT))
    balancers = LoadBalancers(
        folder=tmp_path / "load-balancers",
        caddy=Path(shutil.which("caddy") or ""),
        addresses=addresses,
        aws=cast(AwsClients, SimpleNamespace(elbv2=elbv2)),
        listener_port=PORT,
    )
    yield Balancer(elbv2=elbv2, balancers=balancers)
    balancers.stop()
