"""S8: the picture of a branch's life is that of this commit's hub."""

import copy

import pytest

from scripts.branch_life import PICTURE, draw, good_way, started_by
from tests.infra.templates import Synthesized
from tests.pipeline.conftest import Delivered


def test_s8_the_picture_is_of_this_hub_and_of_a_branchs_pipeline(
    hub: Synthesized, delivered: Delivered
) -> None:
    """After a change: python -m scripts.branch_life"""
    assert PICTURE.read_text() == draw(hub.json, list(delivered.stages))


def test_s8_it_shows_what_starts_what_and_each_step_in_its_order(hub: Synthesized) -> None:
    assert started_by(hub.json) == {
        "branch-create": ["Branch Pushed"],
        "branch-destroy": ["Branch Deleted", "Environment Expired", "Environment Orphaned"],
    }
    assert good_way(hub.json, "branch-create") == ["Admit", "DeployPipeline", "Settle"]
    assert good_way(hub.json, "branch-destroy") == [
        *("Claim", "Stop", "Find", "Delete"),
        *("Sweep", "Verify", "Forget", "TellGone"),
    ]


def test_a_step_that_nobody_found_words_for_is_not_left_out(hub: Synthesized) -> None:
    template = copy.deepcopy(hub.json)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            parts = resource["Properties"]["DefinitionString"]["Fn::Join"][1]
            parts[:] = [p.replace('"Sweep"', '"Clean"') if isinstance(p, str) else p for p in parts]

    with pytest.raises(KeyError, match="no words for Clean of branch-destroy"):
        good_way(template, "branch-destroy")
