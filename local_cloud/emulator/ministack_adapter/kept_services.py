"""The state of MiniStack's services, to save it and to load it.

MiniStack saves state at its orderly end only, as JSON, and swallows errors. Here its functions
`get_state` and `load_persisted_state` are used for the content. Queues and logs have journals:
`kept_queues.py`, `kept_logs.py`. Objects are files that S3 writes before it answers (S3_PERSIST):
`kept_objects.py`.
"""

import contextlib
import copy
import json
import pickle
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType, SimpleNamespace
from typing import Any, Final

_JOURNALS: Final = {"sqs", "cloudwatch_logs"}
# What MiniStack does not save with its service.
_MORE: Final[Mapping[str, tuple[str, ...]]] = {
    "acm": ("_certificates",),  # with their private keys, without which nothing can be served
    "s3": ("_object_retention", "_object_legal_hold"),
}
_LOG_STORES: Final = (
    "destinations", "resource_policies", "log_group_policies", "metric_filters", "queries",
    "delivery_sources", "delivery_destinations", "deliveries",
)  # fmt: skip
_LOGS: Final = "cloudwatch_logs"
# The AWS name of a service in a signature, where MiniStack's module has another name.
_SIGNED_AS: Final[Mapping[str, str]] = {
    "elasticloadbalancing": "alb",
    "events": "eventbridge",
    "lambda": "lambda_svc",
    "logs": "cloudwatch_logs",
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "wafv2": "waf",
}
_TRIES: Final = 20
# A cluster that was being stopped is not started again, and one that was being started is.
_REACHED: Final[Mapping[str, str]] = {"starting": "available", "stopping": "stopped"}
_INTERRUPTED: Final = "the local cloud was stopped or killed during this operation"


def module_of(signed_service: str) -> str:
    """The name under which the state of the service of a signature is saved."""
    return _SIGNED_AS.get(signed_service, signed_service)


def loaded_services() -> list[str]:
    """The services that may have state now, but those with journals and logs' other records."""
    from ministack import app  # noqa: PLC0415 - reads the environment when imported

    return sorted(
        name
        for name in {*app._state_map.values()} - {"lambda_durable"}
        if (module := _module(name)) is not None and hasattr(module, "get_state")
    )


def state_of(name: str) -> bytes:
    """The pickled state of a service."""
    module = _module(name)
    assert module is not None, "it is loaded"
    for _ in range(_TRIES):
        # Requests on other threads may change a table while it is copied.
        with contextlib.suppress(RuntimeError):
            return pickle.dumps(_content(name, module), protocol=pickle.HIGHEST_PROTOCOL)
        time.sleep(0.01)
    return pickle.dumps(_content(name, module), protocol=pickle.HIGHEST_PROTOCOL)


def load_state(name: str, state: Any) -> None:
    """Put a saved state into the service; what was in progress has failed."""
    from ministack import app  # noqa: PLC0415

    module = app._get_module(name)
    _LOADERS.get(name, module.load_persisted_state)(state["state"])
    for store, records in state["more"].items():
        getattr(module, store)._data.update(records)


def is_working() -> bool:
    """True while CloudFormation, a state machine or a build may change any service."""
    cloudformation, machines = _module("cloudformation"), _module("stepfunctions")
    builds = _module("codebuild")
    if builds is not None and any(
        build["buildStatus"] == "IN_PROGRESS" for build in builds._builds.all_values()
    ):
        return True
    if cloudformation is not None and any(
        stack["StackStatus"].endswith("_IN_PROGRESS")
        and stack["StackStatus"] != "REVIEW_IN_PROGRESS"
        for stack in cloudformation._stacks.all_values()
    ):
        return True
    return machines is not None and any(
        execution["status"] == "RUNNING" for execution in machines._executions.all_values()
    )


def works_started() -> int:
    """Grows when a state machine starts, also by a schedule."""
    machines = _module("stepfunctions")
    return len(machines._executions.all_values()) if machines is not None else 0


def _module(name: str) -> Any:
    return sys.modules.get(f"ministack.services.{name}")


def _content(name: str, module: Any) -> dict[str, Any]:
    if name in _JOURNALS:
        stores = _LOG_STORES if name == _LOGS else ()
        return {"state": {s: getattr(module, f"_{s}") for s in stores}, "more": {}}
    with _quick_copies(module):
        state = module.get_state()
    more = {store: getattr(module, store)._data for store in _MORE.get(name, ())}
    return {"state": state, "more": more}


@contextlib.contextmanager
def _quick_copies(module: ModuleType) -> Iterator[None]:
    """`copy.deepcopy` takes ten times as long as pickle, and all threads wait for it."""
    if getattr(module, "copy", None) is not copy:
        yield
        return

    def deepcopy(value: Any, *memo: Any) -> Any:
        try:
            return pickle.loads(pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL))
        except (pickle.PicklingError, TypeError, AttributeError):
            return copy.deepcopy(value, *memo)

    quick: Any = SimpleNamespace(copy=copy.copy, deepcopy=deepcopy)
    module.copy = quick  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.copy = copy  # type: ignore[attr-defined]


def _load_databases(state: dict[str, Any]) -> None:
    """Without its containers: the servers are those of `database_clusters.py`."""
    rds = _module("rds")
    status = {
        key: instance["DBInstanceStatus"] for key, instance in state["instances"]._data.items()
    }
    rds._restore_state(state)
    for key, known in status.items():
        rds._instances._data[key]["DBInstanceStatus"] = _REACHED.get(known, known)
    for cluster in rds._clusters.all_values():
        cluster["Status"] = _REACHED.get(cluster["Status"], cluster["Status"])


def _load_services(state: dict[str, Any]) -> None:
    """Without its containers: the tasks are those of `services.py`."""
    _module("ecs")._restore_state(state)


def _load_stacks(state: dict[str, Any]) -> None:
    cloudformation = _module("cloudformation")
    cloudformation.load_persisted_state(state)
    _settle(cloudformation._stacks.all_values(), cloudformation._change_sets.all_values())


def _settle(stacks: Iterable[dict[str, Any]], change_sets: Iterable[dict[str, Any]]) -> None:
    """End operations that nothing continues, so that the next deployment completes them."""
    for stack in stacks:
        status = stack["StackStatus"]
        if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            continue
        is_deletion = status.startswith("DELETE")
        stack["StackStatus"] = "DELETE_FAILED" if is_deletion else "UPDATE_ROLLBACK_COMPLETE"
        stack["StackStatusReason"] = _INTERRUPTED
        if not is_deletion:
            _describe_what_exists(stack)
    for change_set in change_sets:
        if str(change_set.get("ExecutionStatus")) == "EXECUTE_IN_PROGRESS":
            change_set["ExecutionStatus"] = "EXECUTE_FAILED"
            change_set["StatusReason"] = _INTERRUPTED


def _describe_what_exists(stack: dict[str, Any]) -> None:
    """Replace the template of an interrupted operation, so that no template equals it.

    The record does not tell which resources have their new properties: each one is marked, so that
    a deployment of the new template, or of the old one, updates all of them. Their references and
    policies stay, because a deletion of the stack follows them.
    """
    from ministack.services.cloudformation import engine  # noqa: PLC0415

    wanted = engine._parse_template(stack["_template_body"] or "{}")
    before = stack["_template"]
    known = {**wanted.get("Resources", {}), **before.get("Resources", {})}
    template = {
        **(before or wanted),
        "Resources": {
            name: {**known[name], "Metadata": {"Interrupted": _INTERRUPTED}}
            for name in stack["_resources"]
            if name in known
        },
    }
    stack["_template"], stack["_template_body"] = template, json.dumps(template, default=str)


_LOADERS: Final = {
    "cloudformation": _load_stacks,
    "ecs": _load_services,
    "rds": _load_databases,
}
