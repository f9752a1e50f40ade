"""Records that MiniStack keeps in memory and that the local cloud reads or changes."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any


def has_cluster(cluster_id: str) -> bool:
    """True if the RDS API knows the cluster."""
    from ministack.services import rds  # noqa: PLC0415

    return cluster_id in rds._clusters


def is_cluster_stopped(cluster_id: str) -> bool:
    """True after StopDBCluster: such a cluster is not started."""
    from ministack.services import rds  # noqa: PLC0415

    return str(rds._clusters[cluster_id].get("Status")) in {"stopped", "stopping"}


def set_cluster_endpoints(cluster_id: str, *, writer: str, reader: str, port: int) -> None:
    """Set the endpoints of a cluster in the RDS API."""
    from ministack.services import rds  # noqa: PLC0415 - reads the environment when imported

    rds._clusters[cluster_id].update({"Endpoint": writer, "ReaderEndpoint": reader, "Port": port})


def set_instance_endpoint(instance_id: str, *, address: str, port: int, is_writer: bool) -> None:
    from ministack.services import rds  # noqa: PLC0415

    instance = rds._instances[instance_id]
    instance["Endpoint"].update({"Address": address, "Port": port})
    for member in rds._clusters[instance["DBClusterIdentifier"]]["DBClusterMembers"]:
        if member["DBInstanceIdentifier"] == instance_id:
            member["IsClusterWriter"] = is_writer


def set_instance_serves(instance_id: str, *, serves: bool) -> None:
    """Let the RDS API tell whether the instance serves; one that is stopped or deleted stays so."""
    from ministack.services import rds  # noqa: PLC0415

    instance = rds._instances.get(instance_id)
    if instance is not None and instance["DBInstanceStatus"] in {"available", "rebooting"}:
        instance["DBInstanceStatus"] = "available" if serves else "rebooting"


def service_arns() -> list[str]:
    """The ARNs of all active ECS services."""
    from ministack.services import ecs  # noqa: PLC0415

    services = ecs._services.all_values()
    return [str(s["serviceArn"]) for s in services if s.get("status") == "ACTIVE"]


def refuse_if_stopped(cluster_id: str) -> None:
    """Raises RuntimeError for a stopped cluster, whose instances AWS does not delete."""
    if is_cluster_stopped(cluster_id):
        raise RuntimeError(
            f"InvalidDBClusterStateFault: Db cluster {cluster_id} is in stopped state"
        )


def set_load_balancer_dns_name(arn: str, dns_name: str) -> None:
    from ministack.services import alb  # noqa: PLC0415

    alb._lbs[arn]["DNSName"] = dns_name


def export_certificate(arn: str, folder: Path) -> tuple[Path, Path]:
    """Write an imported ACM certificate and its key for the load balancer. KeyError if unknown.

    The API of AWS does not return the key either; its load balancer has access to it. After a new
    import the files have other names, because the old ones may be in use.
    """
    from ministack.services import acm  # noqa: PLC0415

    record = acm._certificates[arn]
    folder.mkdir(parents=True, exist_ok=True)
    chain = record["_pem_body"] + record["_pem_chain"]
    name = f"{arn.rsplit('/', 1)[-1]}-{hashlib.sha256(chain.encode()).hexdigest()[:16]}"
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_text(chain)
    key.touch(mode=0o600)
    key.write_text(record["_private_key"])
    return certificate, key


def follow_certificates(replaced: Callable[[], None]) -> None:
    """Call `replaced` on a thread after each import that replaces a certificate under its ARN."""
    from ministack.services import acm  # noqa: PLC0415

    original = acm._import_certificate

    def import_certificate(data: dict[str, Any]) -> Any:
        answer = original(data)
        if data.get("CertificateArn"):
            threading.Thread(target=replaced, daemon=True).start()
        return answer

    acm._import_certificate = import_certificate
