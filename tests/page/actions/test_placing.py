"""B8: each place of the page has the buttons of what it shows, and only those that can work."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import EndpointConnectionError

from page.actions.placing import buttons_of
from page.actions.registry import ACTIONS
from page.buttons import Button, Place
from page.settings import PageSettings
from tests.page.actions.delivery import NEWER_RUN, PIPELINE, RUN, Delivery

LOCAL = PageSettings(checkout=Path("/checkout"), state=Path("/state"))
AWS = PageSettings(checkout=Path("/checkout"), is_aws=True)


def at(
    place: Place, delivery: Delivery | None = None, settings: PageSettings = LOCAL
) -> dict[str, Button]:
    """By the action's name."""
    found = buttons_of((delivery or Delivery()).account(settings))(place)
    return {urlsplit(button.href).path.removeprefix("/actions/"): button for button in found}


def values(button: Button) -> dict[str, str]:
    return {name: found for name, (found,) in parse_qs(urlsplit(button.href).query).items()}


def test_b8_a_branch_can_be_run_again_and_deleted() -> None:
    found = at(Place(kind="branch", branch="feature/a&b=c"))
    assert found == {}, "a name that make would interpret has no button"
    found = at(Place(kind="branch", branch="feature/a=b"))
    assert {"retry", "destroy"} <= found.keys()
    assert not {"approve", "reject"} & found.keys()
    assert values(found["destroy"]) == {"BRANCH": "feature/a=b"}
    assert found["destroy"].is_dangerous
    assert not found["retry"].is_dangerous


def test_b8_a_branch_whose_environment_is_awake_can_sleep_and_one_that_sleeps_can_wake() -> None:
    awake = at(Place(kind="branch", branch="feature/a", state="live"))
    asleep = at(Place(kind="branch", branch="feature/a", state="asleep"))
    trunk = at(Place(kind="branch", branch="main"))
    rest = {"sleep", "wake"}
    assert [names.keys() & rest for names in (awake, asleep, trunk)] == [{"sleep"}, {"wake"}, set()]


def test_b8_an_environment_has_its_operations_and_every_drill() -> None:
    found = at(Place(kind="environment", suffix="main-v4grq1"))
    drills = {name for name in ACTIONS if name.startswith("drill-")}
    assert len(drills) > 8
    assert found["trace"].href == "/actions/trace?SUFFIX=main-v4grq1", "its id is asked for then"
    assert found.keys() >= drills | {"dead-letters", "redrive", "resend", "verify-audit"}
    assert all(values(button) == {"SUFFIX": "main-v4grq1"} for button in found.values())


def test_b8_the_branch_hub_shows_its_plan_and_carries_it_out() -> None:
    found = at(Place(kind="home"))
    assert found.keys() == {"reconcile", "reconcile-apply"}
    assert found["reconcile"].href == "/actions/reconcile"


@pytest.mark.parametrize(
    "place",
    [
        Place(kind="pipeline", pipeline=PIPELINE),
        Place(kind="run", pipeline=PIPELINE, execution=RUN),
    ],
)
def test_b8_a_waiting_run_can_be_approved_and_rejected_and_no_other(place: Place) -> None:
    found = at(place)
    assert found.keys() == {"approve", "reject", "retry"}
    assert values(found["approve"]) == {"BRANCH": "main", "EXECUTION": RUN}
    assert values(found["retry"]) == {"BRANCH": "main"}
    assert at(place, Delivery(waiting="")).keys() == {"retry"}


def test_b8_a_run_that_does_not_wait_itself_cannot_be_approved() -> None:
    place = Place(kind="run", pipeline=PIPELINE, execution=RUN)
    assert at(place, Delivery(waiting=NEWER_RUN)).keys() == {"retry"}


def test_b8_a_pipeline_whose_branch_is_not_known_has_no_buttons() -> None:
    assert at(Place(kind="pipeline", pipeline="another"), Delivery(waiting="")) == {}


def test_b8_on_aws_only_what_knows_aws_is_shown() -> None:
    assert at(Place(kind="run", pipeline=PIPELINE, execution=RUN), settings=AWS).keys() == {
        "approve", "reject"
    }  # fmt: skip
    on_aws = at(Place(kind="environment", suffix="main-v4grq1"), settings=AWS)
    assert on_aws.keys() == {name for name in on_aws if ACTIONS[name].is_on_aws}
    assert "redrive" in on_aws


def test_b8_an_account_that_does_not_answer_leaves_the_page_without_buttons() -> None:
    failing = Delivery(failure=EndpointConnectionError(endpoint_url="http://127.0.0.1:1"))
    assert at(Place(kind="pipeline", pipeline=PIPELINE), failing) == {}


def test_b8_an_unknown_place_has_no_buttons() -> None:
    assert at(Place(kind="plots")) == {}
