"""ElasticLoadBalancingV2: Caddy serves every listener and forwards to healthy targets.

Caddy's configuration is computed from the emulator's ELB API after each change, so a listener that
was created through the API works as one of a stack does.
"""

import copy
import threading
from pathlib import Path
from typing import Any

from local_cloud.addresses import LoopbackAddresses
from local_cloud.aws import AwsClients
from local_cloud.emulator.caddy import Caddy
from local_cloud.emulator.ministack_adapter import Attributes, Follower, Properties, records


class LoadBalancers:
    """One Caddy process serves every listener of this cloud."""

    def __init__(
        self,
        *,
        folder: Path,
        caddy: Path,
        addresses: LoopbackAddresses,
        aws: AwsClients,
        listener_port: int,
    ) -> None:
        self._folder = folder
        self._addresses = addresses
        self._aws = aws
        self._listener_port = listener_port
        self._caddy = Caddy(program=caddy, folder=folder)
        self._lock = threading.Lock()
        self._certificate_files: dict[str, tuple[Path, Path]] = {}  # by ARN

    def followers(self) -> dict[str, Follower]:
        return {
            "AWS::ElasticLoadBalancingV2::LoadBalancer": Follower(
                created=self._create, deleting=self._delete
            ),
            "AWS::ElasticLoadBalancingV2::Listener": Follower(
                created=self._listen, updated=self._listen_again, deleting=self._close
            ),
        }

    def refresh(self) -> None:
        """Let Caddy serve what the ELB API and ACM hold now; requests in flight finish."""
        with self._lock:
            self._caddy.load(self._config())

    def stop(self) -> None:
        with self._lock:
            self._caddy.stop()

    # -- CloudFormation -----------------------------------------------------------------------

    def _create(self, arn: str, _: Properties, attributes: Attributes) -> None:
        address = self._addresses.allocate(arn, port=self._listener_port)
        attributes["DNSName"] = address
        records.set_load_balancer_dns_name(arn, address)

    def _delete(self, arn: str, _: Properties) -> None:
        self._addresses.release(arn)

    def _listen(self, _: str, properties: Properties, __: Attributes) -> None:
        for certificate in properties.get("Certificates", []):
            self._export(certificate["CertificateArn"])
        self.refresh()

    def _listen_again(
        self, arn: str, _: Properties, new: Properties, attributes: Attributes
    ) -> None:
        self._listen(arn, new, attributes)

    def _close(self, arn: str, _: Properties) -> None:
        with self._lock:
            if self._caddy.loaded is not None:
                remaining = copy.deepcopy(self._caddy.loaded)
                remaining["apps"]["http"]["servers"].pop(_server_name(arn), None)
                self._caddy.load(remaining)

    # -- Caddy's configuration ----------------------------------------------------------------

    def _config(self) -> dict[str, Any]:
        elbv2 = self._aws.elbv2
        servers: dict[str, Any] = {}
        certificates: list[dict[str, Any]] = []
        for balancer in elbv2.describe_load_balancers()["LoadBalancers"]:
            listeners = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])
            for listener in listeners["Listeners"]:
                name = _server_name(listener["ListenerArn"])
                server: dict[str, Any] = {
                    "listen": [f"{balancer['DNSName']}:{listener['Port']}"],
                    "automatic_https": {"disable": True},
                    "routes": [
                        {"handle": [self._handler(action)]} for action in listener["DefaultActions"]
                    ],
                }
                for certificate in listener.get("Certificates", []):
                    file, key = self._current_files(certificate["CertificateArn"])
                    certificates.append({"certificate": str(file), "key": str(key), "tags": [name]})
                    server["tls_connection_policies"] = [
                        {"certificate_selection": {"any_tag": [name]}}
                    ]
                servers[name] = server
        return {
            "admin": {"listen": self._caddy.admin},
            "logging": {"logs": {"default": {"level": "WARN"}}},
            "apps": {
                "http": {"servers": servers},
                "tls": {"certificates": {"load_files": certificates}},
            },
        }

    def _export(self, arn: str) -> tuple[Path, Path]:
        self._certificate_files[arn] = records.export_certificate(arn, self._folder)
        return self._certificate_files[arn]

    def _current_files(self, arn: str) -> tuple[Path, Path]:
        try:
            return self._export(arn)
        except KeyError:  # deleted while a listener still has it
            return self._certificate_files[arn]

    def _handler(self, action: Any) -> dict[str, Any]:
        match action["Type"]:
            case "forward":
                return self._forward(action["TargetGroupArn"])
            case "fixed-response":
                fixed = action["FixedResponseConfig"]
                return _response(int(fixed["StatusCode"]), fixed.get("MessageBody", ""))
            case kind:
                return _response(501, f"the local load balancer does not know action {kind}")

    def _forward(self, target_group_arn: str) -> dict[str, Any]:
        elbv2 = self._aws.elbv2
        group = elbv2.describe_target_groups(TargetGroupArns=[target_group_arn])["TargetGroups"][0]
        health = elbv2.describe_target_health(TargetGroupArn=target_group_arn)
        targets = [
            f"{target['Target']['Id']}:{target['Target'].get('Port', group['Port'])}"
            for target in health["TargetHealthDescriptions"]
            if target["TargetHealth"]["State"] != "draining"
        ]
        if not targets:
            return _response(503, "no target is registered")
        interval = f"{group.get('HealthCheckIntervalSeconds', 10)}s"
        handler: dict[str, Any] = {
            "handler": "reverse_proxy",
            "upstreams": [{"dial": target} for target in sorted(targets)],
            # A target that refuses the connection did not receive the request: try another one.
            "load_balancing": {
                "selection_policy": {"policy": "round_robin"},
                "try_duration": "3s",
                "try_interval": "100ms",
            },
            "health_checks": {
                "active": {
                    "uri": group.get("HealthCheckPath", "/"),
                    "interval": interval,
                    "timeout": f"{group.get('HealthCheckTimeoutSeconds', 5)}s",
                    "fails": group.get("UnhealthyThresholdCount", 2),
                    "passes": 1,
                },
                "passive": {"fail_duration": "2s", "max_fails": 1},
            },
        }
        if group.get("Protocol") == "HTTPS":
            # As on AWS: the hop is encrypted, the target's certificate is not verified.
            handler["transport"] = {"protocol": "http", "tls": {"insecure_skip_verify": True}}
        return handler


def _server_name(listener_arn: str) -> str:
    return "-".join(listener_arn.rsplit("/", 2)[-2:])


def _response(status: int, body: str) -> dict[str, Any]:
    return {"handler": "static_response", "status_code": status, "body": body}
