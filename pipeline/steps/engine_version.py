"""Chooses the database version of each environment before the synth, with what AWS says.

A build runs it as `make engine-version`. It writes the result to `cdk.context.json`, which the next
synth reads and which is never committed.

The first deployment takes the requested version, or the lowest newer one that AWS creates. Later
ones keep the version that is deployed: a push must not upgrade a database, and Aurora has no
downgrade. Only a person who requests a newer version upgrades it.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.errors import ConfigurationError

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

CONTEXT_KEY: Final = "engineVersions"  # versions by the name of the cluster
CONTEXT_FILE: Final = Path("cdk.context.json")
# AWS has no narrower resource; the actions read only public information.
LISTS_VERSIONS: Final = (
    "rds:DescribeDBEngineVersions",
    "rds:DescribeOrderableDBInstanceOptions",
)
READS_DEPLOYED: Final = "rds:DescribeDBClusters"
_VERSION: Final = re.compile(r"(\d+)\.(\d+)")
_AWS: Final = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard"})


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster, deployed or not. `role_arn`: assumed to read it, if it is in another account."""

    name: str
    role_arn: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Cluster":
        name, _, role_arn = text.partition("=")
        return cls(name=name, role_arn=role_arn or None)

    def to_argument(self) -> str:
        return self.name if self.role_arn is None else f"{self.name}={self.role_arn}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The version for the template, and the reason for the log."""

    version: str
    reason: str


Connect = Callable[[Cluster], "RDSClient"]


def choose(
    cluster: Cluster, rds: "RDSClient", *, requested: str | None, default: str, creates: "RDSClient"
) -> Choice:
    """`requested`: the version that a person set; `creates`: asked which versions AWS creates.

    Raises ConfigurationError if AWS does not create the version, or if it is unknown what is
    deployed: with a guess, the deployment would change a live database.
    """
    deployed = _deployed(cluster, rds)
    if deployed is None:
        return creatable_version(creates, requested or default)
    if requested is None or _parts(requested) == _parts(deployed):
        return Choice(version=deployed, reason=f"{deployed} is deployed, and is kept")
    if _parts(requested) < _parts(deployed):
        return Choice(
            version=deployed,
            reason=f"{deployed} is deployed, and is kept: Aurora has no downgrade to {requested}",
        )
    targets = _upgrade_targets(cluster, creates, deployed)
    if requested not in targets:
        raise ConfigurationError(
            f"auroraEngineVersion is {requested!r}: AWS does not upgrade {cluster.name} from "
            f"{deployed} to it: remove the setting to keep {deployed}, or set one of "
            f"{', '.join(sorted(targets, key=_parts)) or '(none)'}"
        )
    return Choice(version=requested, reason=f"{requested} was requested: upgrade from {deployed}")


def creatable_version(rds: "RDSClient", wanted: str) -> Choice:
    """Return `wanted`, or the lowest newer minor version that AWS creates serverless.

    Returns `wanted` also if AWS lists no version (an emulator) or does not answer; an unavailable
    version then fails the deployment. Raises ConfigurationError if AWS has neither.
    """
    try:
        offered = _offered(rds)
    except (BotoCoreError, ClientError) as error:
        return Choice(
            version=wanted, reason=f"{wanted} as requested; AWS could not be asked: {error}"
        )
    if wanted in offered:
        return Choice(version=wanted, reason=f"{wanted} as requested; AWS can create it")
    if not offered:
        return Choice(version=wanted, reason=f"{wanted} as requested; no versions are listed here")
    major, minor = _parts(wanted)
    newer = sorted(v for v in map(_parts, offered) if v[0] == major and v[1] > minor)
    if not newer:
        raise ConfigurationError(
            f"auroraEngineVersion is {wanted!r}: AWS creates neither it nor a newer {major}.x here"
        )
    version = f"{major}.{newer[0][1]}"
    return Choice(
        version=version, reason=f"{version}: {wanted} was requested, but AWS no longer creates it"
    )


def main(
    arguments: Sequence[str], *, connect: Connect | None = None, file: Path = CONTEXT_FILE
) -> None:
    """Write the versions to `file` and keep its other contents. Exits with one line on an error."""
    parser = argparse.ArgumentParser(prog="make engine-version")
    parser.add_argument("--default", required=True)
    parser.add_argument("--requested", default="")
    parser.add_argument("clusters", nargs="+", type=Cluster.parse)
    options = parser.parse_args(arguments)
    connect = connect or _connect
    chosen = {}
    try:
        for cluster in options.clusters:
            choice = choose(
                cluster,
                connect(cluster),
                requested=options.requested or None,
                default=options.default,
                creates=connect(Cluster(name=cluster.name)),
            )
            chosen[cluster.name] = choice.version
            sys.stdout.write(f"{cluster.name}: Aurora PostgreSQL {choice.reason}\n")
    except ConfigurationError as error:
        sys.exit(f"error: {error}")
    context = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**context, CONTEXT_KEY: chosen}, indent=2) + "\n")


def _connect(cluster: Cluster) -> "RDSClient":
    if cluster.role_arn is None:
        return boto3.client("rds", config=_AWS)
    try:
        assumed = boto3.client("sts", config=_AWS).assume_role(
            RoleArn=cluster.role_arn, RoleSessionName="engine-version"
        )["Credentials"]
    except (BotoCoreError, ClientError) as error:
        raise ConfigurationError(_unknown(cluster, error)) from None
    return boto3.client(
        "rds",
        config=_AWS,
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
    )


def _deployed(cluster: Cluster, rds: "RDSClient") -> str | None:
    try:
        (found,) = rds.describe_db_clusters(DBClusterIdentifier=cluster.name)["DBClusters"]
    except rds.exceptions.DBClusterNotFoundFault:
        return None
    except (BotoCoreError, ClientError) as error:
        raise ConfigurationError(_unknown(cluster, error)) from None
    return found["EngineVersion"]


def _upgrade_targets(cluster: Cluster, rds: "RDSClient", deployed: str) -> list[str]:
    try:
        engines = rds.describe_db_engine_versions(
            # All: also versions that AWS no longer creates, which are those to upgrade from.
            Engine="aurora-postgresql",
            EngineVersion=deployed,
            IncludeAll=True,
        )["DBEngineVersions"]
    except (BotoCoreError, ClientError) as error:
        raise ConfigurationError(
            f"it is unknown to which versions {cluster.name} can be upgraded: {error}"
        ) from None
    return [
        target["EngineVersion"]
        for engine in engines
        for target in engine.get("ValidUpgradeTarget", [])
    ]


def _unknown(cluster: Cluster, error: Exception) -> str:
    return (
        f"it is unknown which version {cluster.name} has: {error}. Allow this build "
        f"{READS_DEPLOYED} on it, or wait until AWS answers, and run the pipeline again"
    )


def _offered(rds: "RDSClient") -> set[str]:
    pages = rds.get_paginator("describe_orderable_db_instance_options").paginate(
        Engine="aurora-postgresql", DBInstanceClass="db.serverless"
    )
    return {
        option["EngineVersion"]
        for page in pages
        for option in page["OrderableDBInstanceOptions"]
        if _VERSION.fullmatch(option["EngineVersion"])
    }


def _parts(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


if __name__ == "__main__":
    main(sys.argv[1:])
