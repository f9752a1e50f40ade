"""B13: an environment in which a drill runs is found by the tag of the experiment or of
its template."""

from datetime import UTC, datetime
from typing import Any

import pytest

from branch_hub.functions.shared.drills import Drills
from tests.aws_stubs import type_of_aws


def experiment(suffix: str | None, status: str, template: str = "EXT0") -> dict[str, Any]:
    return {
        "id": "EXP1",
        "experimentTemplateId": template,
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
    if not runs:
        stub.add_response("list_experiment_templates", {"experimentTemplates": []})

    assert Drills(fis=fis).is_running("mine-0a1b2c") is runs


def test_b13_an_experiment_that_was_started_in_the_console_counts_by_its_template(
    aws: type_of_aws,
) -> None:
    """It has no tags: FIS does not copy those of the template."""
    fis, stub = aws("fis")
    started = {"experiments": [experiment(None, "running", "EXT2")]}
    templates = [
        {"id": "EXT1", "tags": {"environment-suffix": "other-0a1b2c"}},
        {"id": "EXT2", "tags": {"environment-suffix": "mine-0a1b2c"}},
        {"id": "EXT3"},
    ]
    pages = (
        {"experimentTemplates": templates[:1], "nextToken": "more"},
        {"experimentTemplates": templates[1:]},
    )
    for suffix in ("mine-0a1b2c", "other-0a1b2c"):
        stub.add_response("list_experiments", started)
        stub.add_response("list_experiment_templates", pages[0])
        stub.add_response("list_experiment_templates", pages[1], {"nextToken": "more"})

        assert Drills(fis=fis).is_running(suffix) is (suffix == "mine-0a1b2c")


def test_b13_without_a_running_experiment_no_templates_are_read(aws: type_of_aws) -> None:
    fis, stub = aws("fis")
    stub.add_response("list_experiments", {"experiments": [experiment(None, "completed")]})

    assert not Drills(fis=fis).is_running("mine-0a1b2c")
