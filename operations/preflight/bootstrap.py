"""The bootstrap of the account, and that of production's account if it has its own."""

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

from botocore.exceptions import ClientError

from operations.preflight.findings import Finding, Situation, code_of, fine, note, to_do

_QUALIFIER: Final = "hnb659fds"
_VERSION: Final = f"/cdk-bootstrap/{_QUALIFIER}/version"
# The manifests of our stacks require it for the lookup role, and 6 for deployments.
VERSION_MIN: Final = 8


def bootstrap(situation: Situation) -> Iterator[Finding]:
    command = f'npx --no-install cdk bootstrap --app "" {situation.environment}'
    try:
        answer = situation.client("ssm").get_parameter(Name=_VERSION)
    except ClientError as error:
        if code_of(error) != "ParameterNotFound":
            raise
        yield to_do(f"bootstrap: {situation.environment} is not bootstrapped: {command}")
        return
    version = int(answer["Parameter"]["Value"])
    if version < VERSION_MIN:
        yield to_do(f"bootstrap: it has version {version}, {VERSION_MIN} is needed: {command}")
    else:
        yield fine(f"bootstrap: version {version} ({VERSION_MIN} is needed)")
    yield from _deploy_role(situation, command)


def production_account(situation: Situation) -> Iterator[Finding]:
    other = situation.settings.production_account
    if other in (None, situation.account):
        return
    role = f"arn:aws:iam::{other}:role/{_role('lookup', str(other), situation.settings.region)}"
    try:
        situation.client("sts").assume_role(RoleArn=role, RoleSessionName="preflight")
    except ClientError as error:
        if code_of(error) != "AccessDenied":
            raise
        yield note(
            f"production account: {role} cannot be assumed with these credentials. The account is "
            "not bootstrapped, or trusts only the trunk's pipeline. Check it there: docs/aws.md, "
            "Production in another account"
        )
        return
    yield fine(f"production account: {other} is bootstrapped and trusts {situation.account}")


def _deploy_role(situation: Situation, command: str) -> Iterator[Finding]:
    name = _role("deploy", situation.account, situation.settings.region)
    try:
        answer = situation.client("iam").get_role(RoleName=name)
    except ClientError as error:
        if code_of(error) != "NoSuchEntity":
            raise
        yield to_do(f"bootstrap: the role {name} does not exist: {command}")
        return
    policy = answer["Role"]["AssumeRolePolicyDocument"]
    if situation.account in json.dumps(_read(policy)):
        yield fine(f"bootstrap: {name} trusts account {situation.account}")
    else:
        yield to_do(f"bootstrap: {name} does not trust account {situation.account}: {command}")


def _role(purpose: str, account: str, region: str) -> str:
    return f"cdk-{_QUALIFIER}-{purpose}-role-{account}-{region}"


def _read(policy: Any) -> Any:
    """boto3 decodes it; other servers send the text of AWS's own answer."""
    return unquote(policy) if isinstance(policy, str) else policy
