"""`python -m operations.check_roles <suffix>`: asks IAM what each deployed role may and may not do.

S64, on the roles as they are and not on the template: SimulatePrincipalPolicy for what a role must
do, and for what would matter in a breach. Asks whom the usual variables of the SDK name: `make
check-roles` sets them for the local cloud, `make check-roles AWS=yes` leaves them. Ends with 1 and
a list if a role may do too little or too much, or if nobody has said what it may.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from operations.role_expectations import Expectation, Question, expectations, questions
from operations.role_names import Names
from operations.which_cloud import NO_SUFFIX_ON_AWS

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

DENIALS_MIN: Final = 8


def main() -> int:
    (suffix,) = sys.argv[1:]
    if not suffix:
        print(f"error: {NO_SUFFIX_ON_AWS}", file=sys.stderr)
        return 1
    try:
        return check(suffix)
    except (BotoCoreError, ClientError) as error:
        print(
            f"error: SUFFIX={suffix!r}: its roles cannot be checked: {error}. It must be the "
            "EnvironmentSuffix of a deployed stack, and on AWS the credentials must be those of "
            "its account",
            file=sys.stderr,
        )
    return 1


def check(suffix: str) -> int:
    """Check the roles of an environment; 1 if one is wrong."""
    names, iam = Names.of_environment(suffix), boto3.client("iam")
    known = expectations(names)
    looks_at_context = honours_context(iam)
    wrong: list[str] = []
    met: set[str] = set()
    for logical_id, role in roles_of(f"transaction-{suffix}"):
        found = match(known, logical_id=logical_id, role=role, suffix=suffix)
        if found is None:
            wrong.append(
                f"{role} ({logical_id}) is not in operations/role_expectations.py: say there"
            )
            continue
        met.add(found)
        asked = list(questions(names, role, known[found]))
        skipped = [] if looks_at_context else [q for q in asked if q.context]
        asked = [q for q in asked if q not in skipped]
        denials = sum(not q.expected for q in asked)
        if denials < DENIALS_MIN:
            wrong.append(f"{role}: only {denials} denials are asked for, {DENIALS_MIN} at least")
        mistakes = list(wrong_answers(iam, names, asked))
        wrong += mistakes
        print(
            summary(
                role, needed=len(asked) - denials, denied=denials, skipped=len(skipped),
                wrong=len(mistakes),
            )
        )  # fmt: skip
    wrong += [
        f"no role of the stack is {name}"
        for name, expectation in known.items()
        if name not in met and expectation.is_everywhere
    ]
    if not looks_at_context:
        print("left out: questions about conditions, which nobody looks at here")
    for line in wrong:
        print(line)
    print(f"roles checked: {len(met)}; answers that are wrong: {len(wrong)}")
    return 1 if wrong else 0


def summary(role: str, *, needed: int, denied: int, skipped: int, wrong: int) -> str:
    """One line for a role: what was asked, and whether every answer is as it should be."""
    asked = f"{role}: rights checked: {needed} needed, {denied} denied"
    left_out = f", {skipped} left out" if skipped else ""
    return f"{asked}{left_out}: " + (f"{wrong} WRONG" if wrong else "all as expected")


def roles_of(stack: str) -> Iterator[tuple[str, str]]:
    """(logical id, name) of every role that the stack made."""
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources")
    for page in pages.paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::IAM::Role":
                yield resource["LogicalResourceId"], resource["PhysicalResourceId"]


def match(
    known: Mapping[str, Expectation], *, logical_id: str, role: str, suffix: str
) -> str | None:
    """The expectation of a role: by our own name for it, or by CDK's."""
    base = role.removesuffix(f"-role-{suffix}")
    if base in known:
        return base
    return next((start for start in known if logical_id.startswith(start)), None)


def wrong_answers(iam: "IAMClient", names: Names, asked: list[Question]) -> Iterator[str]:
    for question in asked:
        decision = answer(iam, names, question)
        if (decision == "allowed") != question.expected:
            yield f"{question.role}: {question.action} on {question.resource}: {decision}"


def answer(iam: "IAMClient", names: Names, question: Question) -> str:
    result = iam.simulate_principal_policy(
        PolicySourceArn=names.role_arn(question.role),
        ActionNames=[question.action],
        ResourceArns=[question.resource],
        ContextEntries=[
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in question.context
        ],
    )
    return result["EvaluationResults"][0]["EvalDecision"]


def honours_context(iam: "IAMClient") -> bool:
    """Asked of a policy whose answer is known: the local cloud looks at no context."""
    policy = {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": "known"}},
    }
    try:
        result = iam.simulate_custom_policy(
            PolicyInputList=[json.dumps({"Version": "2012-10-17", "Statement": [policy]})],
            ActionNames=["sqs:SendMessage"],
            ContextEntries=[
                {
                    "ContextKeyName": "kms:ViaService",
                    "ContextKeyValues": ["known"],
                    "ContextKeyType": "string",
                }
            ],
        )
    except ClientError:
        return False
    return result["EvaluationResults"][0]["EvalDecision"] == "allowed"


if __name__ == "__main__":
    sys.exit(main())
