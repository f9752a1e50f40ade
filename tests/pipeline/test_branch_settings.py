"""B2: cdk.json sets quota, lifetime and protection; a wrong value is refused with its key."""

import json
from typing import Any

import pytest

from infra.errors import ConfigurationError
from pipeline.branch_settings import BranchSettings
from pipeline.sleep_schedule import SleepSchedule
from tests.infra.context import CDK_JSON

SAID = {
    "quota": 3,
    "lifetimeDays": 2,
    "protected": ["v*"],
    "reconcile": "apply",
    "collect": "apply",
    "sleep": {"after": "20:00", "until": "07:00", "timezone": "UTC"},
}


@pytest.mark.parametrize("as_given", [dict, json.dumps])
def test_settings_are_read_from_cdk_json_and_from_the_command_line(as_given: Any) -> None:
    read = BranchSettings.parse(as_given(SAID))

    assert read == BranchSettings(
        quota=3,
        lifetime_days=2,
        protected=("v*",),
        reconcile="apply",
        collect="apply",
        sleep=SleepSchedule(after="20:00", until="07:00", timezone="UTC"),
    )
    assert read.to_json() == SAID


def test_omitted_fields_have_their_defaults() -> None:
    assert BranchSettings.parse(None) == BranchSettings.parse({}) == BranchSettings()
    assert BranchSettings.parse({"quota": 3}) == BranchSettings(quota=3)


def test_b2_the_first_plans_are_only_reported() -> None:
    assert BranchSettings.parse(CDK_JSON["branches"]).reconcile == "report"
    assert BranchSettings().reconcile == "report"
    assert BranchSettings().collect == "report"


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("{oops", r"branches is '\{oops': it must be a JSON object"),
        ([], r"branches is \[\]: it must be an object"),
        (7, r"branches is 7"),
        ({"qouta": 3}, r"branches\.qouta is not known: it must be one of quota, lifetimeDays"),
        ({"quota": 0}, r"branches\.quota is 0: it must be a whole number from 1 to 100"),
        ({"quota": "3"}, r"branches\.quota is '3'"),
        ({"quota": True}, r"branches\.quota is True"),
        ({"lifetimeDays": 366}, r"branches\.lifetimeDays is 366: .* from 1 to 365"),
        ({"protected": "release/*"}, r"branches\.protected is 'release/\*': it must be a list"),
        ({"protected": [""]}, r"branches\.protected is \[''\]"),
        ({"protected": [7]}, r"branches\.protected is \[7\]"),
        ({"collect": True}, r"branches\.collect is True: it must be report or apply"),
        ({"reconcile": "now"}, r"branches\.reconcile is 'now': it must be report or apply"),
    ],
)
def test_a_wrong_value_is_refused_with_the_key_to_set(value: object, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        BranchSettings.parse(value)
