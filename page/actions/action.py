"""What a button does: a target of the Makefile, its variables, and the sentence that asks first."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from page.actions.rules import Incomplete, NotAllowed, Rule

CONFIRMATION_FIELD: Final = "confirmed"
_SECOND_CLICK: Final = "yes"


class Subject(StrEnum):
    """What an action changes, and the variable that names it."""

    BRANCH = "BRANCH"
    ENVIRONMENT = "SUFFIX"
    HUB = "HUB"

    @property
    def label(self) -> str:
        return {"BRANCH": "branch", "SUFFIX": "environment", "HUB": "branch hub"}[self.value]


class Confirmation(StrEnum):
    """What a person does beside the click on the last button."""

    NONE = "none"
    SECOND_CLICK = "second click"
    TYPED_NAME = "typed name"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A variable of make. Without a value it is not given to make."""

    name: str
    label: str
    rule: Rule
    is_needed: bool = False
    choices: tuple[str, ...] = ()  # the only values, where there are few
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Action:
    """`says` and `checkbox` may name parameters in braces.

    `is_alone`: no other such command runs at the same branch or environment meanwhile. `on_failure`
    is what to do after an exit code that is not 0.
    """

    name: str
    title: str
    target: str
    subject: Subject
    parameters: tuple[Parameter, ...]
    says: str
    constants: Mapping[str, str] = field(default_factory=dict)
    confirmation: Confirmation = Confirmation.NONE
    checkbox: str = ""
    group: str = ""
    is_on_aws: bool = False
    is_local: bool = True
    is_alone: bool = True
    on_failure: str = "Read the last lines: they name the error and what to do. Then try again."

    def is_at_home(self, *, on_aws: bool) -> bool:
        """Whether the page of an account, or that of the local cloud, has this button."""
        return self.is_on_aws if on_aws else self.is_local

    def order(self, given: Mapping[str, str], *, on_aws: bool) -> "Order":
        """Check what a form or a link gave. Raises NotAllowed, or Incomplete."""
        if not self.is_at_home(on_aws=on_aws):
            where = "AWS" if self.is_on_aws else "the local cloud"
            raise NotAllowed(f"`make {self.target}` is a button of the page of {where} only")
        known = {parameter.name for parameter in self.parameters}
        if unknown := sorted(given.keys() - known):
            raise NotAllowed(f"{unknown[0]!r:.80} is no parameter of `make {self.target}`")
        values = {}
        for parameter in self.parameters:
            if value := given.get(parameter.name, "").strip():
                values[parameter.name] = parameter.rule.check(value, name=parameter.name)
            elif parameter.is_needed:
                raise Incomplete(f"{parameter.name} is empty: it must be {parameter.rule.says}")
        return Order(action=self, values=values, on_aws=on_aws)


@dataclass(frozen=True, kw_only=True)
class Order:
    """An action with values that keep their rules."""

    action: Action
    values: Mapping[str, str]
    on_aws: bool

    @property
    def subject(self) -> str:
        """The name of the branch, the environment or the hub."""
        return self.values.get(self.action.subject.value, "")

    @property
    def arguments(self) -> tuple[str, ...]:
        """What make gets: the target and its variables."""
        variables = {**self.values, **self.action.constants}
        if self.on_aws:
            variables["AWS"] = "yes"
        return (self.action.target, *(f"{name}={value}" for name, value in variables.items()))

    @property
    def command_line(self) -> str:
        """The command for a terminal."""
        return shlex.join(("make", *self.arguments))

    @property
    def says(self) -> str:
        return self._filled(self.action.says)

    @property
    def checkbox(self) -> str:
        return self._filled(self.action.checkbox)

    def check_confirmation(self, given: str) -> None:
        """Raises NotAllowed."""
        kind = self.action.confirmation
        if kind is Confirmation.TYPED_NAME and given != self.subject:
            raise NotAllowed(f"the typed name is {given[:80]!r}: it must be {self.subject}")
        if kind is Confirmation.SECOND_CLICK and given != _SECOND_CLICK:
            raise NotAllowed("the box was not checked: check it, and click again")

    def _filled(self, text: str) -> str:
        names = (parameter.name for parameter in self.action.parameters)
        return text.format_map({name: self.values.get(name, "") for name in names})
