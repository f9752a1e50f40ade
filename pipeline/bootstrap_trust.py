"""Narrows the trust of production's own account: the roles of one pipeline, no whole account.

`cdk bootstrap --trust` lets every principal of the first account that has the permission assume the
bootstrap's roles, also roles that the code of a branch can create there.
"""

from collections.abc import Mapping
from typing import Any, Final

from infra.errors import ConfigurationError
from infra.naming import EnvironmentSuffix
from pipeline.role_names import (
    FILE_ASSETS_ROLE,
    GATE_ROLE,
    IMAGE_ASSETS_ROLE,
    PIPELINE_ROLE,
    SYNTH_ROLE,
)

# By logical id in the CDK's template: the roles of the trunk's pipeline that assume it.
TRUSTED: Final[Mapping[str, tuple[str, ...]]] = {
    "DeploymentActionRole": (PIPELINE_ROLE,),
    "FilePublishingRole": (FILE_ASSETS_ROLE,),
    "ImagePublishingRole": (IMAGE_ASSETS_ROLE,),
    "LookupRole": (GATE_ROLE, SYNTH_ROLE),
}
# The CLI does not replace a bootstrap by one of another variant, unless it is forced to.
VARIANT: Final = "Transaction pipeline: trusts only the roles of the trunk's pipeline"
_PARAMETERS: Final = ("TrustedAccounts", "TrustedAccountsForLookup")


def narrowed(
    template: Mapping[str, Any], *, account: str, suffix: EnvironmentSuffix
) -> dict[str, Any]:
    """Return the CDK's bootstrap template with a condition on every statement of another account.

    `account` and `suffix` are those of the trunk's pipeline. Raises ConfigurationError if the
    template is not in the known form: then nobody knows what it trusts.
    """
    found: set[str] = set()
    resources = {
        logical_id: _narrowed_role(logical_id, resource, account, suffix, found)
        for logical_id, resource in template["Resources"].items()
    }
    if found != TRUSTED.keys():
        raise ConfigurationError(
            f"the bootstrap template trusts other accounts in {', '.join(sorted(found))}: it must "
            f"be in {', '.join(sorted(TRUSTED))}; pipeline/bootstrap_trust.py must be changed to "
            "the template of this version of the CDK"
        )
    parameters = template["Parameters"]
    variant = {**parameters["BootstrapVariant"], "Default": VARIANT}
    return {
        **template,
        "Parameters": {**parameters, "BootstrapVariant": variant},
        "Resources": resources,
    }


def _narrowed_role(
    logical_id: str,
    resource: Mapping[str, Any],
    account: str,
    suffix: EnvironmentSuffix,
    found: set[str],
) -> Any:
    properties = resource.get("Properties", {})
    trust = properties.get("AssumeRolePolicyDocument")
    if trust is None:
        return resource
    statements = []
    for statement in trust["Statement"]:
        inner = _of_another_account(statement)
        if inner is None:
            statements.append(statement)
            continue
        found.add(logical_id)
        if logical_id not in TRUSTED:
            continue  # `narrowed` refuses the template
        roles = [suffix.physical_name(role) for role in TRUSTED[logical_id]]
        condition = {
            # The role of a session, whatever the session is called. No wildcard: a role with a
            # similar name is not trusted.
            "ArnEquals": {"aws:PrincipalArn": [{"Fn::Sub": _arn(account, r)} for r in roles]},
        }
        name, _, otherwise = statement["Fn::If"]
        narrow = {**inner, "Condition": _both(inner.get("Condition"), condition)}
        statements.append({"Fn::If": [name, narrow, otherwise]})
    document = {**trust, "Statement": statements}
    return {**resource, "Properties": {**properties, "AssumeRolePolicyDocument": document}}


def _of_another_account(statement: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The statement below `Fn::If` if it trusts the accounts of a parameter."""
    if "Fn::If" not in statement:
        return None
    inner = statement["Fn::If"][1]
    principal = inner.get("Principal", {}).get("AWS")
    return inner if principal in [{"Ref": name} for name in _PARAMETERS] else None


def _both(condition: Mapping[str, Any] | None, more: Mapping[str, Any]) -> dict[str, Any]:
    """Operators of one condition must all hold; the CDK chooses `condition` by an `Fn::If`."""
    if condition is None:
        return dict(more)
    name, one, _ = condition["Fn::If"]
    return {"Fn::If": [name, {**one, **more}, dict(more)]}


def _arn(account: str, role: str) -> str:
    return f"arn:${{AWS::Partition}}:iam::{account}:role/{role}"
