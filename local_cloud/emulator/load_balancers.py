"""ElasticLoadBalancingV2: Caddy serves every listener and forwards to healthy targets.

Caddy's configuration is computed from the emulator's ELB API after each change, so a listener that
was created through the API works as one of a stack does. The addresses of targets are not part of
it: see `target_names.py`.
"""

import copy
import logging
import threading
from pathlib import Path
from typing import Any

from local_cloud.addresses import LoopbackAddresses
from local_cloud.aws import AwsClients
from local_cloud.emulator.caddy import Caddy
from local_cloud.emulator.ministack_adapter import Attributes, Follower, Properties, records
from local_cloud.emulator.request_traces import RequestTraces
from local_cloud.emulator.target_names import TargetNames

logger = logging.getLogger(__name__)

_WATCH_INTERVAL_SECONDS = 0.2
# Until then Caddy may forward a request to a target that was deregistered.
TARGETS_REFRESH_SECONDS = 0.2


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
        self._names = TargetNames()
        self._traces = RequestTraces()
        self._lock = threading.Lock()
        self._certificate_files: dict[str, tuple[Path, Path]] = {}  # by ARN
        self._stopped = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="load-balancers", daemon=True)
        self._watcher.start()

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
        """Let Caddy serve what the ELB API and ACM hold now; requests in flight finish.

        Connections of clients stay open if only targets have changed.
        """
        with self._lock:
            addresses: dict[str, list[str]] = {}
            config = self._config(addresses)
            self._names.publish(addresses)
            self._caddy.load(config)

    def resume(self) -> None:
        """Serve the listeners of an earlier cloud, if there are any."""
        if self._aws.elbv2.describe_load_balancers()["LoadBalancers"]:
            self.refresh()

    def stop(self) -> None:
        self._stopped.set()
        self._watcher.join()
        with self._lock:
            self._caddy.stop()
            self._names.stop()

    def _watch(self) -> None:
        """AWS replaces a node of a load balancer that fails; here Caddy is started again."""
        while not self._stopped.wait(_WATCH_INTERVAL_SECONDS):
            try:
                with self._lock:
                    if self._caddy.revive():
                        logger.warning("the load balancer died and was started again")
            except Exception:  # the thread's boundary: the next round tries again
                logger.exception("the load balancer was not started again")

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

    def _config(self, addresses: dict[str, list[str]]) -> dict[str, Any]:
        """The configuration; adds the addresses of targets, by the name that it contains."""
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
                        *self._traces.routes(),
                        *(
                            {"handle": [self._handler(action, addresses)]}
                            for action in listener["DefaultActions"]
                        ),
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

    def _handler(self, action: Any, addresses: dict[str, list[str]]) -> dict[str, Any]:
        match action["Type"]:
            case "forward":
                return self._forward(action["TargetGroupArn"], addresses)
            case "fixed-response":
                fixed = action["FixedResponseConfig"]
                return _response(int(fixed["StatusCode"]), fixed.get("MessageBody", ""))
            case kind:
                return _response(501, f"the local load balancer does not know action {kind}")

    def _forward(self, group_arn: str, addresses: dict[str, list[str]]) -> dict[str, Any]:
        elbv2 = self._aws.elbv2
        group = elbv2.describe_target_groups(TargetGroupArns=[group_arn])["TargetGroups"][0]
        health = elbv2.describe_target_health(TargetGroupArn=group_arn)
        ports: dict[int, list[str]] = {}
        for target in health["TargetHealthDescriptions"]:
            if target["TargetHealth"]["State"] != "draining":
                port = target["Target"].get("Port", group["Port"])
                ports.setdefault(port, []).append(target["Target"]["Id"])
        if not ports:
            return _response(503, "no target is registered")
        # A name has no port, so each port is a name of its own. Nearly always there is one.
        names = {port: f"{port}.{'.'.join(group_arn.rsplit('/', 2)[-2:])}" for port in ports}
        addresses |= {names[port].lower(): sorted(ports[port]) for port in ports}
        handler: dict[str, Any] = {
            "handler": "reverse_proxy",
            "dynamic_upstreams": {
                "source": "multi",
                "sources": [
                    {
                        "source": "a",
                        "name": f"{names[port]}.",
                        "port": str(port),
                        "refresh": f"{TARGETS_REFRESH_SECONDS}s",
                        "resolver": {"addresses": [f"udp/{self._names.server}"]},
                        "versions": {"ipv4": True, "ipv6": False},
                    }
                    for port in sorted(ports)
                ],
            },
            # A target that refuses the connection did not receive the request: try another one.
            "load_balancing": {
                "selection_policy": {"policy": "round_robin"},
                "try_duration": "3s",
                "try_interval": "100ms",
            },
            # The service checks its tasks and deregisters unhealthy ones (`services.py`).
            "health_checks": {"passive": {"fail_duration": "2s", "max_fails": 1}},
        }
        if group.get("Protocol") == "HTTPS":
            # As on AWS: the hop is encrypted, the target's certificate is not verified.
            handler["transport"] = {"protocol": "http", "tls": {"insecure_skip_verify": True}}
        return handler


def _server_name(listener_arn: str) -> str:
    return "-".join(listener_arn.rsplit("/", 2)[-2:])


def _response(status: int, body: str) -> dict[str, Any]:
    return {"handler": "static_response", "status_code": status, "body": body}
