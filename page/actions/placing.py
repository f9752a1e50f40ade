"""Which buttons a place of the page has, and where each leads."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from page.account import Account
from page.actions.action import Action, Confirmation, Subject
from page.actions.approvals import approval_of_pipeline, branch_of_pipeline
from page.actions.registry import ACTIONS, actions_of
from page.actions.rules import Incomplete, NotAllowed
from page.buttons import Button, ButtonsOf, Place

_OF_A_QUESTION: Final = ("approve", "reject")  # only where a pipeline waits for an answer
# By the state of an environment: what changes it. The hub knows no state of the trunk.
_RESTING: Final = {"live": "sleep", "asleep": "wake"}

logger = logging.getLogger(__name__)


def buttons_of(account: Account) -> ButtonsOf:
    on_aws = account.settings.is_aws

    def buttons(place: Place) -> Sequence[Button]:
        try:
            return list(_buttons(account, place, on_aws=on_aws))
        except (BotoCoreError, ClientError):
            # The cards of the page say what is wrong with the account.
            logger.warning("no buttons at %s", place, exc_info=True)
            return ()

    return buttons


def address(action: Action, values: Mapping[str, str]) -> str:
    """Return the address of the question before an action."""
    query = urlencode({name: value for name, value in values.items() if value})
    return f"/actions/{action.name}?{query}" if query else f"/actions/{action.name}"


def _buttons(account: Account, place: Place, *, on_aws: bool) -> Iterator[Button]:
    match place.kind:
        case "home":
            yield from _all(Subject.HUB, {}, on_aws=on_aws)
        case "branch":
            yield from _at_branch(place, on_aws=on_aws)
        case "pipeline" | "run":
            yield from _at_pipeline(account, place, on_aws=on_aws)
        case "environment":
            yield from _all(Subject.ENVIRONMENT, {"SUFFIX": place.suffix}, on_aws=on_aws)


def _at_branch(place: Place, *, on_aws: bool) -> Iterator[Button]:
    values = {"BRANCH": place.branch}
    if place.state in _RESTING:
        yield from _one(ACTIONS[_RESTING[place.state]], values, on_aws=on_aws)
    yield from _all(Subject.BRANCH, values, on_aws=on_aws)


def _at_pipeline(account: Account, place: Place, *, on_aws: bool) -> Iterator[Button]:
    branch = branch_of_pipeline(account, place.pipeline)
    waiting = approval_of_pipeline(account, place.pipeline)
    if waiting is not None and place.execution in ("", waiting.execution):
        values = {"BRANCH": branch, "EXECUTION": waiting.execution}
        for name in _OF_A_QUESTION:
            yield from _one(ACTIONS[name], values, on_aws=on_aws)
    yield from _one(ACTIONS["retry"], {"BRANCH": branch}, on_aws=on_aws)


def _all(subject: Subject, values: Mapping[str, str], *, on_aws: bool) -> Iterator[Button]:
    for action in actions_of(subject, on_aws=on_aws):
        if action.name not in (*_OF_A_QUESTION, *_RESTING.values()):
            yield from _one(action, values, on_aws=on_aws)


def _one(action: Action, values: Mapping[str, str], *, on_aws: bool) -> Iterator[Button]:
    """Nothing, if the branch or the environment is not known or has a name that no rule allows."""
    try:
        action.order(values, on_aws=on_aws)
    except Incomplete:
        if not all(values.values()):
            return
    except NotAllowed:
        return
    yield Button(
        label=action.title,
        href=address(action, values),
        is_dangerous=action.confirmation is not Confirmation.NONE,
        group=action.group,
    )
