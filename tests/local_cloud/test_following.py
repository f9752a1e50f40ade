"""What a push is told: how its branch fared at the hub, before any run is looked for."""

from typing import Any

import pytest

from local_cloud import following
from local_cloud.branch_hub.machine_run import MachineResult


class Anything:
    """Stands for what is not looked at."""

    problem = ""

    def __getattr__(self, name: str) -> Any:
        return name


def test_s8_a_refused_push_is_a_failed_one_and_follows_no_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The machine ends green; another branch's pipeline may have the suffix."""

    def refused(*_: object) -> MachineResult:
        answers = {"admission": {"outcome": "refused", "message": "the quota is full"}}
        return MachineResult(execution="e", status="SUCCEEDED", answers=answers)

    monkeypatch.setattr(following, "_follow_machine", refused)
    nothing: Any = Anything()

    assert following.follow_push(nothing, nothing, nothing, nothing) is False
