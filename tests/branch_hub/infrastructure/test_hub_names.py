"""S60: every physical name of the hub."""

import re

from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB
from tests.infra.templates import Synthesized
from tests.infra.test_physical_names import NOT_NAMES, RULES, literal

HUB_RULES = {
    **RULES,
    ("AWS::CodeBuild::Project", "Name"): (150, r"[A-Za-z0-9][A-Za-z0-9_-]+"),
    ("AWS::ECR::Repository", "RepositoryName"): (256, r"[a-z0-9]+(-[a-z0-9]+)*"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"): (128, r"[\w+=,.@-]+"),
    ("AWS::Events::EventBus", "Name"): (256, r"(?!aws\.|default$)[A-Za-z0-9._-]+"),
    ("AWS::Events::Rule", "Name"): (64, r"[A-Za-z0-9._-]+"),
    ("AWS::Scheduler::Schedule", "Name"): (64, r"[A-Za-z0-9._-]+"),
    ("AWS::StepFunctions::StateMachine", "StateMachineName"): (80, r"[A-Za-z0-9_-]+"),
}
_NAMING = re.compile(r"(^Name|Name)$")
_ELSEWHERE = {("AWS::Events::Rule", "EventBusName"), ("AWS::Lambda::Permission", "FunctionName")}


def test_s60_every_name_of_the_hub_ends_in_its_suffix_and_is_valid_for_its_service(
    hub: Synthesized,
) -> None:
    found = {
        (resource["Type"], key): name
        for resource in hub.resources.values()
        for key, value in resource.get("Properties", {}).items()
        if _NAMING.search(key)
        and (resource["Type"], key) not in NOT_NAMES | _ELSEWHERE
        and (name := literal(value)) is not None
    }

    assert {kind for kind, _ in found} >= {
        "AWS::Lambda::Function",
        "AWS::Events::Rule",
        "AWS::StepFunctions::StateMachine",
        "AWS::IAM::Role",
    }
    for where, name in found.items():
        length_max, rule = HUB_RULES[where]
        assert name.endswith(f"-{CODECOMMIT_HUB}"), name
        assert len(name) <= length_max, name
        assert re.fullmatch(rule, name, re.ASCII), name
