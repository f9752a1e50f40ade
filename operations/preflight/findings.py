"""What a check found: one line each."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.delivery_settings import DeliverySettings

# Services name it differently.
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}


class Kind(StrEnum):
    FINE = "fine"
    TO_DO = "to do"
    NOTE = "note"  # it cannot be checked from here, or not yet


@dataclass(frozen=True, kw_only=True)
class Finding:
    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def fine(text: str) -> Finding:
    return Finding(kind=Kind.FINE, text=text)


def to_do(text: str) -> Finding:
    return Finding(kind=Kind.TO_DO, text=text)


def note(text: str) -> Finding:
    return Finding(kind=Kind.NOTE, text=text)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is checked: `settings` are those of the deployment, `account` is that of the
    credentials. `client` creates the boto3 client of a service."""

    settings: DeliverySettings
    account: str
    client: Callable[[str], Any]

    @property
    def environment(self) -> str:
        return f"aws://{self.account}/{self.settings.region}"


Check = Callable[[Situation], Iterable[Finding]]


def carry_out(name: str, check: Check, situation: Situation) -> Iterator[Finding]:
    """Yield what `check` finds; if AWS refuses or does not answer, that is a finding, too."""
    try:
        yield from check(situation)
    except ClientError as error:
        yield to_do(f"{name}: {_refused(error)}")
    except BotoCoreError as error:
        yield to_do(f"{name}: not checked: {error}")


def code_of(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _refused(error: ClientError) -> str:
    if code_of(error) in _DENIED:
        return (
            f"not checked: these credentials may not call {error.operation_name}. Allow it, or use "
            "the credentials of an administrator"
        )
    return f"not checked: {error}"
