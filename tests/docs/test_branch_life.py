"""S8: the picture of a branch's life matches the hub's template."""

import copy
import json

import pytest

from checks.assembly import StackTemplate
from docs.generators.branch_life import main_path, started_by
from tests.docs.conftest import Template


@pytest.fixture
def hub(branch: list[StackTemplate]) -> Template:
    (template,) = (t for t in branch if t.stack == "BranchHub")
    return dict(json.loads(template.file.read_text()))


def test_s8_it_shows_what_starts_what_and_each_step_in_its_order(hub: Template) -> None:
    assert started_by(hub) == {
        "branch-create": ["Branch Pushed"],
        "branch-destroy": ["Branch Deleted", "Environment Expired", "Environment Orphaned"],
    }
    assert main_path(hub, "branch-create") == ["Admit", "DeployPipeline", "Settle"]
    assert main_path(hub, "branch-destroy") == [
        *("Claim", "Stop", "Find", "Delete"),
        *("Sweep", "Verify", "Forget", "NotifyDeleted"),
    ]


def test_a_step_without_a_description_is_an_error(hub: Template) -> None:
    template = copy.deepcopy(hub)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            parts = resource["Properties"]["DefinitionString"]["Fn::Join"][1]
            parts[:] = [p.replace('"Sweep"', '"Clean"') if isinstance(p, str) else p for p in parts]

    with pytest.raises(KeyError, match="no description for Clean of branch-destroy"):
        main_path(template, "branch-destroy")
