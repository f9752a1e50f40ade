"""ElasticLoadBalancingV2: Caddy listens where each listener says and forwards to healthy targets.

The configuration is made anew from the emulator's own ELB API whenever something changed, so
listeners made with the AWS CLI work as well as those of a stack.
"""

import json
import logging
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from local_cloud.addresses import LoopbackAddresses, free_port
from local_cloud.aws import AwsClients
from local_cloud.emulator.ministack_adapter import Attributes, Follower, Properties, records

logger = logging.getLogger(__name__)

_START_TIMEOUT_SECONDS = 10


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
        self._caddy = caddy
        self._addresses = addresses
        self._aws = aws
        self._listener_port = listener_port
        self._admin = f"127.0.0.1:{free_port()}"
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._loaded: dict[str, Any] | None = None

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
        """Make Caddy serve what the ELB API holds now; in-flight requests finish undisturbed."""
        with self._lock:
            config = self._config()
            if config == self._loaded and self._is_running():
                return
            if not self._is_running():
                self._start()
            self._load(config)
            self._loaded = config

    def stop(self) -> None:
        with self._lock:
            if self._process is not None:
                self._process.terminate()
                try:
                    self._process.wait(10)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
                self._process = None

    # -- CloudFormation -----------------------------------------------------------------------

    def _create(self, arn: str, _: Properties, attributes: Attributes) -> None:
        address = self._addresses.allocate(arn, port=self._listener_port)
        attributes["DNSName"] = address
        records.set_load_balancer_dns_name(arn, address)

    def _delete(self, arn: str, _: Properties) -> None:
        self._addresses.release(arn)

    def _listen(self, _: str, properties: Properties, __: Attributes) -> None:
        for certificate in properties.get("Certificates", []):
            records.export_certificate(certificate["CertificateArn"], self._folder)
        self.refresh()

    def _listen_again(
        self, arn: str, _: Properties, new: Properties, attributes: Attributes
    ) -> None:
        self._listen(arn, new, attributes)

    def _close(self, arn: str, _: Properties) -> None:
        with self._lock:
            if self._loaded is not None and self._is_running():
                remaining = json.loads(json.dumps(self._loaded))
                remaining["apps"]["http"]["servers"].pop(_server_name(arn), None)
                self._load(remaining)
                self._loaded = remaining

    # -- Caddy --------------------------------------------------------------------------------

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
                    file = certificate["CertificateArn"].rsplit("/", 1)[-1]
                    certificates.append(
                        {
                            "certificate": str(self._folder / f"{file}.pem"),
                            "key": str(self._folder / f"{file}.key"),
                            "tags": [name],
                        }
                    )
                    server["tls_connection_policies"] = [
                        {"certificate_selection": {"any_tag": [name]}}
                    ]
                servers[name] = server
        return {
            "admin": {"listen": self._admin},
            "logging": {"logs": {"default": {"level": "WARN"}}},
            "apps": {
                "http": {"servers": servers},
                "tls": {"certificates": {"load_files": certificates}},
            },
        }

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
            # A target that refuses the connection never saw the request: another one may have it.
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

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        first = self._folder / "caddy.json"
        first.write_text(json.dumps({"admin": {"listen": self._admin}}))
        with (self._folder / "caddy.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._caddy), "run", "--config", str(first)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={"HOME": str(self._folder), "XDG_DATA_HOME": str(self._folder)},
            )
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"http://{self._admin}/config/", timeout=1):
                    return
            except OSError as error:
                if not self._is_running() or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"the load balancer did not start; see {self._folder / 'caddy.log'}"
                    ) from error
                time.sleep(0.05)

    def _load(self, config: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"http://{self._admin}/load",
            data=json.dumps(config).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30):
                pass
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace").strip()
            raise RuntimeError(f"the load balancer refused its configuration: {detail}") from error


def _server_name(listener_arn: str) -> str:
    return "-".join(listener_arn.rsplit("/", 2)[-2:])


def _response(status: int, body: str) -> dict[str, Any]:
    return {"handler": "static_response", "status_code": status, "body": body}
