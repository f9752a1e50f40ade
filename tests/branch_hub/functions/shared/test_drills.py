"""B13: an environment in which a drill runs is found by the tag of the experiment."""

from datetime import UTC, datetime
from typing import Any

import pytest

from branch_hub.functions.shared.drills import Drills
from tests.aws_stubs import type_of_aws


def experiment(suffix: str | None, status: str) -> dict[str, Any]:
    return {
        "id": "EXP1",
        "state": {"status": status},
        "creationTime": datetime.now(UTC),
        "tags": {"environment-suffix": suffix} if suffix else {},
    }


@pytest.mark.parametrize(
    ("suffix", "status", "runs"),
    [
        ("mine-0a1b2c", "running", True),
        ("mine-0a1b2c", "stopping", True),
        ("mine-0a1b2c", "completed", False),
        ("mine-0a1b2c", "stopped", False),
        ("other-0a1b2c", "running", False),
        (None, "running", False),
    ],
)
def test_b13_only_an_experiment_of_the_environment_that_has_not_ended_counts(
    aws: type_of_aws, suffix: str | None, status: str, runs: bool
) -> None:
    fis, stub = aws("fis")
    pages = [[experiment("other-0a1b2c", "running")], [experiment(suffix, status)]]
    stub.add_response("list_experiments", {"experiments": pages[0], "nextToken": "more"})
    stub.add_response("list_experiments", {"experiments": pages[1]}, {"nextToken": "more"})

    assert Drills(fis=fis).is_running("mine-0a1b2c") is runs
