"""B13: the setting `branches.sleep`, and the moments that it means."""

import pytest

from infra.errors import ConfigurationError
from pipeline.branch_settings import BranchSettings
from pipeline.sleep_schedule import SleepSchedule

GIVEN = {"after": "20:00", "until": "07:05", "timezone": "Europe/Berlin"}


def test_b13_without_the_setting_nothing_sleeps() -> None:
    assert BranchSettings.parse({}).sleep is None
    assert BranchSettings.parse(BranchSettings().to_json()) == BranchSettings()


def test_b13_the_setting_passes_through_the_context_unchanged() -> None:
    settings = BranchSettings.parse({"sleep": GIVEN})
    assert settings.sleep == SleepSchedule(after="20:00", until="07:05", timezone="Europe/Berlin")
    assert BranchSettings.parse(settings.to_json()) == settings


def test_b13_they_sleep_every_evening_and_wake_on_working_days_only() -> None:
    schedule = BranchSettings.parse({"sleep": GIVEN}).sleep
    assert schedule is not None
    assert schedule.evening == "cron(0 20 * * ? *)"
    assert schedule.morning == "cron(5 7 ? * MON-FRI *)"
    assert schedule.wakes == "07:05 Europe/Berlin, Monday to Friday"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("20:00", "branches.sleep is '20:00': it must be an object with after, until, timezone"),
        ({**GIVEN, "at": 1}, "branches.sleep.at is not known: it must be one of after, until"),
        ({**GIVEN, "after": "8pm"}, "branches.sleep.after is '8pm': it must be hours and minutes"),
        ({**GIVEN, "after": "24:00"}, "branches.sleep.after is '24:00'"),
        ({**GIVEN, "until": 7}, "branches.sleep.until is 7: it must be hours and minutes"),
        ({**GIVEN, "until": "20:00"}, "sleep.until is '20:00': it must be another time than"),
        ({**GIVEN, "timezone": "Berlin"}, "branches.sleep.timezone is 'Berlin': it must be a name"),
        ({"after": "20:00", "until": "07:00"}, "branches.sleep.timezone is None"),
    ],
)
def test_b13_an_error_names_field_value_and_rule(value: object, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        BranchSettings.parse({"sleep": value})
    assert message in str(refused.value)
