"""`make check-roles`: asks IAM what each deployed role may and may not do.

S64 for the deployed roles, not the template: calls SimulatePrincipalPolicy for every right in
role_expectations.py. Exits with 1 and a list if a role may do too little or too much, or if
role_expectations.py has no entry for it.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.drills import FAULTS_STACK
from operations.account import NoSuffix, open_session, required
from operations.role_expectations import ROLES, Question, questions
from operations.role_names import Names

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_iam import IAMClient


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make check-roles", description=__doc__)
    parser.add_argument("--suffix", default="")
    suffix = parser.parse_args(arguments).suffix
    try:
        return check(required(suffix))
    except NoSuffix as error:
        print(f"error: {error}", file=sys.stderr)
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
    account = open_session()
    names, iam = Names.of_environment(suffix, account), account.client("iam")
    has_context = honours_context(iam)
    wrong: list[str] = []
    found: set[str] = set()
    cloudformation = account.client("cloudformation")
    roles = [
        role
        for stack in (f"transaction-{suffix}", *drills_of(cloudformation, suffix))
        for role in roles_of(cloudformation, stack)
    ]
    for logical_id, role in roles:
        known = match(logical_id=logical_id, role=role, suffix=suffix)
        if known is None:
            wrong.append(f"{role} ({logical_id}) is missing in operations/role_expectations.py")
            continue
        found.add(known)
        path = iam.get_role(RoleName=role)["Role"]["Path"]
        named = replace(names, role_path=path)
        every = list(questions(named, role, ROLES[known]))
        asked = [question for question in every if has_context or question.context is None]
        mistakes = list(wrong_answers(iam, named, asked))
        print(summary(role, asked, skipped=len(every) - len(asked), wrong=len(mistakes)))
        wrong += mistakes
    wrong += [
        f"no role of the stack is {name}"
        for name, expectation in ROLES.items()
        if name not in found and expectation.is_everywhere
    ]
    if not has_context:
        print("skipped: questions about conditions, which IAM does not evaluate here")
    for line in wrong:
        print(line)
    print(f"roles checked: {len(found)}; answers that are wrong: {len(wrong)}")
    return 1 if wrong else 0


def summary(role: str, asked: Sequence[Question], *, skipped: int, wrong: int) -> str:
    """One line for a role: the number of questions, and whether every answer is as expected."""
    needed = sum(question.expected for question in asked)
    left_out = f", {skipped} left out" if skipped else ""
    rights = f"{needed} needed, {len(asked) - needed} denied{left_out}"
    result = f"{wrong} WRONG" if wrong else "all as expected"
    return f"{role}: rights checked: {rights}: {result}"


def drills_of(cloudformation: "CloudFormationClient", suffix: str) -> Iterator[str]:
    """The stack of the environment's drills, if it has one."""
    stack = f"{FAULTS_STACK}-{suffix}"
    try:
        cloudformation.describe_stacks(StackName=stack)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
    else:
        yield stack


def roles_of(cloudformation: "CloudFormationClient", stack: str) -> Iterator[tuple[str, str]]:
    """(logical id, name) of every role of the stack."""
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::IAM::Role":
                yield resource["LogicalResourceId"], resource["PhysicalResourceId"]


def match(*, logical_id: str, role: str, suffix: str) -> str | None:
    """The name of a role in ROLES, found by its physical name or by CDK's logical id."""
    base = role.removesuffix(f"-role-{suffix}")
    if base in ROLES:
        return base
    return next((start for start in ROLES if logical_id.startswith(start)), None)


def wrong_answers(iam: "IAMClient", names: Names, asked: Sequence[Question]) -> Iterator[str]:
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
            for key, value in ([question.context] if question.context else [])
        ],
    )
    return result["EvaluationResults"][0]["EvalDecision"]


def honours_context(iam: "IAMClient") -> bool:
    """True if IAM evaluates conditions here; tested with a policy whose result is known."""
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
