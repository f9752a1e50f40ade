"""How to ask a service whether one of its resources still exists."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

# Services without an error code of their own for a missing resource.
_MISSING: Final = {
    # Of a deleted revision: https://github.com/hashicorp/terraform-provider-aws/issues/29749
    "ClientException": ("unable to describe task definition", "not found"),
    "ValidationError": ("does not exist",),
}


@dataclass(frozen=True, kw_only=True)
class Question:
    """Call `operation` with the resource as `argument`; the answer holds it in the field `found`.

    It is gone if the service says so, if the answer is empty, or if its `state` is in `deleted`.
    """

    operation: str
    argument: str
    found: str | None = None  # None: the answer itself is the resource
    takes_list: bool = True
    named_by: Callable[[str], str] = lambda arn: arn
    more: Callable[[str], dict[str, str]] = lambda _: {}
    client: str | None = None  # None: named like the service in the ARN
    state: str | None = None
    deleted: tuple[str, ...] = ()  # (): the field `state` exists

    def is_gone(self, client: Any, arn: str) -> bool:
        name = self.named_by(arn)
        asked = {self.argument: [name] if self.takes_list else name, **self.more(arn)}
        try:
            answer = getattr(client, self.operation)(**asked)
        except ClientError as error:
            if _is_missing(error):
                return True
            raise
        found = answer if self.found is None else answer.get(self.found, [])
        return all(map(self._is_deleted, found if isinstance(found, list) else [found]))

    def _is_deleted(self, resource: Mapping[str, Any]) -> bool:
        if self.state is None:
            return False
        return resource[self.state] in self.deleted if self.deleted else self.state in resource


def _is_missing(error: ClientError) -> bool:
    said = error.response["Error"]
    words = _MISSING.get(said["Code"], ())
    return "NotFound" in said["Code"] or any(each in said["Message"].lower() for each in words)
