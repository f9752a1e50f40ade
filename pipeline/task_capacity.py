"""The `taskCapacity` key of the context: on what the tasks of branches' environments run.

A branch decides it in its own cdk.json: it changes the branch's costs, not its rights.
"""

from collections.abc import Mapping
from typing import Any, Final

from infra.config import EPHEMERAL
from infra.errors import ConfigurationError
from infra.task_capacity import CpuArchitecture, TaskCapacity
from pipeline.context_values import json_object

KEY: Final = "taskCapacity"
ARCHITECTURE, SPOT = "cpuArchitecture", "fargateSpot"


def parse_task_capacity(value: object) -> dict[str, TaskCapacity]:
    """Read the key: fields by kind of environment, or its JSON text from the command line.

    Missing fields have their defaults. Raises ConfigurationError, which names the field, its value
    and the rule.
    """
    by_kind = json_object(KEY, value)
    for kind in by_kind:
        if kind != EPHEMERAL.kind:
            raise ConfigurationError(
                f"{KEY} has {kind!r}: it may have {EPHEMERAL.kind}, the environments of branches. "
                f"Tasks of the others run on demand, on {CpuArchitecture.X86_64}"
            )
    return {kind: _capacity(f"{KEY}.{kind}", fields) for kind, fields in by_kind.items()}


def to_json(by_kind: Mapping[str, TaskCapacity]) -> dict[str, Any]:
    """Return the object from which `parse_task_capacity` reads equal values."""
    return {
        kind: {ARCHITECTURE: str(capacity.cpu_architecture), SPOT: capacity.fargate_spot}
        for kind, capacity in by_kind.items()
    }


def _capacity(key: str, value: object) -> TaskCapacity:
    default = TaskCapacity()
    fields = {
        ARCHITECTURE: default.cpu_architecture,
        SPOT: default.fargate_spot,
        **json_object(key, value),
    }
    if unknown := sorted(fields.keys() - {ARCHITECTURE, SPOT}):
        raise ConfigurationError(
            f"{key}.{unknown[0]} is not known: it must be one of {ARCHITECTURE}, {SPOT}"
        )
    architecture, is_spot = fields[ARCHITECTURE], fields[SPOT]
    if architecture not in [*CpuArchitecture]:
        raise ConfigurationError(
            f"{key}.{ARCHITECTURE} is {architecture!r}: it must be {' or '.join(CpuArchitecture)}"
        )
    if not isinstance(is_spot, bool):
        raise ConfigurationError(f"{key}.{SPOT} is {is_spot!r}: it must be true or false")
    return TaskCapacity(cpu_architecture=CpuArchitecture(architecture), fargate_spot=is_spot)
