"""Runs cdk-nag on synthesized templates, as they are deployed.

On the constructs, it would miss overrides and CDK's helper functions, and need another synth.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import aws_cdk as cdk
from aws_cdk import cloudformation_include
from cdk_nag import AwsSolutionsChecks, NagPack, ServerlessChecks

from checks.assembly import StackTemplate
from checks.findings import Finding

# `AwsSolutions-IAM5[Action::s3:*]` is rule and detail.
_RULE: Final = re.compile(r"([^\[]+)(?:\[(.*)\])?")

# A finding of these needs a correction or an entry in checks/suppressions/.
GATES: Final[tuple[type[NagPack], ...]] = (AwsSolutionsChecks, ServerlessChecks)


def nag(templates: Iterable[StackTemplate], packs: Iterable[type[NagPack]]) -> Iterator[Finding]:
    """Yield what `packs` find in `templates`, accepted findings included."""
    app = cdk.App(analytics_reporting=False)
    included: dict[str, StackTemplate] = {}
    for index, template in enumerate(templates):
        stack = cdk.Stack(app, f"Template{index}")
        cloudformation_include.CfnInclude(stack, "Included", template_file=str(template.file))
        included[stack.node.id] = template
    for pack in packs:
        for violation in pack(app).validate_scope(app).violations:
            match = _RULE.fullmatch(violation.rule_name)
            assert match is not None
            for resource in violation.violating_resources:
                stack_id, _, logical_id = (resource.construct_path or "").split("/")
                template = included[stack_id]
                yield Finding(
                    rule=match[1],
                    where=template.place(logical_id),
                    detail=match[2] or "",
                    configuration=template.configuration,
                    says=violation.description,
                )
