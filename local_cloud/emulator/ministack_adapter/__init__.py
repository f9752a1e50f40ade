"""Adds resource types to MiniStack's CloudFormation.

This package is the only place that uses MiniStack's private names; requirements.in pins its
version. MiniStack reads its settings from the environment when it is imported, so every function
here imports it late.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, Any]
Attributes = dict[str, Any]
Create = Callable[[str, Properties, str], tuple[str, Attributes]]
Update = Callable[[str, Properties, Properties, str], tuple[str, Attributes]]
Delete = Callable[[str, Properties], None]


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """Creates, updates and deletes the resources of one type.

    `create(logical_id, properties, stack_name)` and
    `update(physical_id, old_properties, new_properties, stack_name)` return the physical id and
    the attributes for Fn::GetAtt. An exception fails the stack operation with its message.
    """

    create: Create
    update: Update
    delete: Delete


@dataclass(frozen=True, kw_only=True)
class Follower:
    """Adds to MiniStack's own handling of a type: runs after it, or before it for `deleting`.

    `created(physical_id, properties, attributes)` may change `attributes` in place.
    """

    created: Callable[[str, Properties, Attributes], None] | None = None
    updated: Callable[[str, Properties, Properties, Attributes], None] | None = None
    deleting: Callable[[str, Properties], None] | None = None


def register(types: Mapping[str, ResourceType]) -> None:
    """Add types that MiniStack lacks. Each operation runs on its own thread."""
    known = handlers()
    for name, kind in types.items():
        if name in known:
            raise RuntimeError(f"MiniStack has {name} now: remove the local cloud's own handler")
        known[name] = {"create": kind.create, "update": kind.update, "delete": kind.delete}
    _on_worker_thread(set(types))


def follow(followers: Mapping[str, Follower]) -> None:
    """Add `followers` to types that MiniStack has. Each operation runs on its own thread."""
    known = handlers()
    for name, follower in followers.items():
        known[name] = _followed(known[name], follower)
    _on_worker_thread(set(followers))


def application() -> Any:
    """MiniStack's ASGI application."""
    from ministack.app import app  # noqa: PLC0415

    return app


def handlers() -> dict[str, dict[str, Any]]:
    """MiniStack's table of resource types."""
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415

    known: dict[str, dict[str, Any]] = provisioners._RESOURCE_HANDLERS
    return known


def _on_worker_thread(types: set[str]) -> None:
    """Run the operations of these types on threads: they take long and must not block the API."""
    from ministack.services.cloudformation import stacks  # noqa: PLC0415

    before = stacks._runs_on_worker_thread

    def runs_on_worker_thread(resource_type: str) -> bool:
        return resource_type in types or bool(before(resource_type))

    stacks._runs_on_worker_thread = runs_on_worker_thread


def _followed(handler: Mapping[str, Any], follower: Follower) -> dict[str, Any]:
    result = dict(handler)

    if follower.created is not None:
        after_create, create = follower.created, handler["create"]

        def creating(logical_id: str, properties: Properties, stack_name: str) -> Any:
            physical_id, attributes = create(logical_id, properties, stack_name)
            try:
                after_create(physical_id, properties, attributes)
            except BaseException:
                # CloudFormation has no physical id yet, so it would not delete the resource.
                if follower.deleting is not None:
                    follower.deleting(physical_id, properties)
                handler["delete"](physical_id, properties)
                raise
            return physical_id, attributes

        result["create"] = creating

    if follower.updated is not None:
        after_update, update = follower.updated, handler["update"]

        def updating(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
            new_id, attributes = update(physical_id, old, new, *rest)
            after_update(new_id, old, new, attributes)
            return new_id, attributes

        result["update"] = updating

    if follower.deleting is not None:
        before_delete, delete = follower.deleting, handler["delete"]

        def deleting(physical_id: str, properties: Properties, *rest: Any) -> None:
            before_delete(physical_id, properties)
            delete(physical_id, properties, *rest)

        result["delete"] = deleting

    return result
