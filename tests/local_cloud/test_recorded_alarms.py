"""Alarms on several metrics are recorded; MiniStack handles the others."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from local_cloud.emulator.ministack_adapter import corrections
from local_cloud.emulator.recorded_types import recorded_alarms

PLAIN = {"AlarmName": "a", "MetricName": "Errors", "Namespace": "AWS/Lambda"}
COMPUTING = {"AlarmName": "a", "Metrics": [{"Id": "m", "Expression": "x / y"}]}


@pytest.fixture
def ministack() -> Mock:
    known = Mock()
    known.create.return_value = ("a", {"Arn": "arn:a"})
    known.update.return_value = ("a", {"Arn": "arn:a"})
    return known


@pytest.fixture
def alarm(ministack: Mock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    handlers = {
        "AWS::CloudWatch::Alarm": {
            "create": ministack.create,
            "update": ministack.update,
            "delete": ministack.delete,
        }
    }
    monkeypatch.setattr(corrections, "handlers", lambda: handlers)
    corrections.record_computing_alarms(recorded_alarms(tmp_path))
    return handlers["AWS::CloudWatch::Alarm"]


def recorded(folder: Path) -> list[Any]:
    return [json.loads(path.read_text())["properties"] for path in folder.iterdir()]


def test_ministack_handles_an_alarm_on_one_metric(
    alarm: dict[str, Any], ministack: Mock, tmp_path: Path
) -> None:
    alarm["create"]("Alarm", PLAIN, "stack")
    alarm["update"]("a", PLAIN, PLAIN, "stack")
    alarm["delete"]("a", PLAIN)

    assert [call[0] for call in ministack.method_calls] == ["create", "update", "delete"]
    assert recorded(tmp_path) == []


def test_an_alarm_on_several_metrics_is_recorded_updated_and_deleted(
    alarm: dict[str, Any], ministack: Mock, tmp_path: Path
) -> None:
    physical_id, attributes = alarm["create"]("Alarm", COMPUTING, "stack")
    assert attributes == {"Arn": physical_id}

    changed = {**COMPUTING, "Threshold": 2}
    assert alarm["update"](physical_id, COMPUTING, changed, "stack")[0] == physical_id
    assert recorded(tmp_path) == [changed]

    alarm["delete"](physical_id, changed)
    assert recorded(tmp_path) == []
    assert ministack.method_calls == []


def test_an_alarm_that_gets_several_metrics_moves_to_the_records(
    alarm: dict[str, Any], ministack: Mock, tmp_path: Path
) -> None:
    physical_id, _ = alarm["update"]("a", PLAIN, COMPUTING, "stack")
    assert [call[0] for call in ministack.method_calls] == ["delete"]
    assert recorded(tmp_path) == [COMPUTING]

    alarm["update"](physical_id, COMPUTING, PLAIN, "stack")
    assert recorded(tmp_path) == []
    assert [call[0] for call in ministack.method_calls] == ["delete", "create"]
