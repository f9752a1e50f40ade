"""`make reconcile`: shows what the branch hub would create and delete; with APPLY=yes it does it.

It invokes the hub's own reconciler, a Lambda function, and prints its answer.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from operations.account import open_session
from operations.hubs import hub_outputs

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_lambda import LambdaClient

_OUTPUT: Final = "ReconcilerFunctionName"
_COLUMNS: Final = ("action", "suffix", "branch", "age", "reason")
# As long as a function may run. A retry would send every event twice.
_PATIENCE: Final = Config(read_timeout=910, retries={"total_max_attempts": 1})


class CannotReconcile(Exception):
    """No reconciler was found, or it failed; the message says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make reconcile", description=__doc__)
    parser.add_argument("--apply", action="store_true", help="carry the plan out")
    parser.add_argument("--hub", default="", help="which hub, where there are several: hub-0a1b2c")
    chosen = parser.parse_args(arguments)
    try:
        account = open_session()
        cloudformation = account.client("cloudformation")
        hub, function = find_hub(cloudformation, wanted=chosen.hub)
        answer = ask(account.client("lambda", config=_PATIENCE), function, apply=chosen.apply)
    except (CannotReconcile, BotoCoreError, ClientError) as error:
        print(f"reconcile: {error}", file=sys.stderr)
        return 1
    print("\n".join([f"{hub} at {cloudformation.meta.endpoint_url}:", "", *report(answer)]))
    return 1 if any("error" in step for step in answer["plan"]) else 0


def find_hub(cloudformation: "CloudFormationClient", *, wanted: str = "") -> tuple[str, str]:
    """Return the names of the hub and of its reconciler's function.

    Raises CannotReconcile if there is no hub, or if there are several and none is `wanted`.
    """
    found = {
        hub: outputs[_OUTPUT]
        for hub, outputs in hub_outputs(cloudformation).items()
        if _OUTPUT in outputs and wanted in ("", hub)
    }
    if not found:
        raise CannotReconcile(
            f"there is no branch hub{f' {wanted}' if wanted else ''} here: `make up` deploys it "
            "locally, `cdk deploy -c hub=only` on AWS (docs/aws.md)"
        )
    if len(found) > 1:
        raise CannotReconcile(f"there are several hubs, say which: HUB={' or HUB='.join(found)}")
    ((hub, function),) = found.items()
    return hub, function


def ask(lambda_: "LambdaClient", function: str, *, apply: bool) -> dict[str, Any]:
    """Return the reconciler's answer. Raises CannotReconcile if the function failed."""
    answer = lambda_.invoke(FunctionName=function, Payload=json.dumps({"apply": apply}))
    content = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise CannotReconcile(
            f"there is no plan: {content.get('errorMessage')}. "
            f"The whole error is in the log group /aws/lambda/{function}"
        )
    return dict(content)


def report(answer: Mapping[str, Any]) -> Iterator[str]:
    """Write the plan as a table, then what was done or can be done."""
    plan: Sequence[Mapping[str, Any]] = answer["plan"]
    rows = [_COLUMNS, *(_row(step) for step in plan)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""
    changes = _count(step["action"] for step in plan if step["action"] != "leave")
    if not changes:
        yield "Nothing to do."
    elif answer["applied"]:
        yield f"Sent to the hub's bus: {changes}. Its state machines check and do it."
    else:
        yield f"To do: {changes}. Nothing was changed; APPLY=yes does it."


def _row(step: Mapping[str, Any]) -> tuple[str, ...]:
    days = step["age_days"]
    failure = f"; failed: {step['error']}" if "error" in step else ""
    return (
        step["action"],
        step["suffix"],
        step["branch"] or "-",
        "-" if days is None else f"{days} d",
        f"{step['reason']}{failure}",
    )


def _count(actions: Iterable[str]) -> str:
    listed = list(actions)
    return ", ".join(f"{listed.count(action)} {action}" for action in dict.fromkeys(listed))


if __name__ == "__main__":
    sys.exit(main())
