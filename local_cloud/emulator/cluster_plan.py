"""What a cluster is made of, on disk: a cloud that starts again starts its servers from it."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local_cloud.whole_file import write_whole

PLAN: Final = "cluster.json"  # in the folder of the cluster


@dataclass(frozen=True, kw_only=True)
class ClusterPlan:
    """`nodes` is the instance and the zone of each server, by the name of its data directory."""

    cluster_id: str
    port: int
    superuser: str
    password: str = field(repr=False)
    database: str
    instances: tuple[str, ...] = ()
    nodes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> "ClusterPlan":
        found = json.loads(file.read_text())
        return cls(**{**found, "instances": tuple(found["instances"])})

    def write(self, file: Path) -> None:
        """Only its owner may read the file: it holds the password."""
        file.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        write_whole(file, json.dumps(dataclasses.asdict(self), indent=1), private=True)
