"""B5: a person approves production after seeing the result of the permission gate."""

import json
from pathlib import Path

from tests.delivered import Delivered
from tests.infra.templates import as_list

GATE = ("ProductionApproval", "PermissionGate")


def test_b5_production_follows_the_gate_and_the_approval(trunk: Delivered) -> None:
    stages = list(trunk.stages)
    gate, approval = trunk.stages["ProductionApproval"]

    assert stages[-2:] == ["ProductionApproval", "Production"]
    assert (gate["Name"], approval["Name"]) == ("PermissionGate", "Approval")
    assert gate["RunOrder"] < approval["RunOrder"]
    assert approval["ActionTypeId"]["Category"] == "Approval"


def test_b5_the_approval_shows_the_result_of_the_gate(trunk: Delivered) -> None:
    message = trunk.action("ProductionApproval", "Approval")["Configuration"]["CustomData"]
    namespace = trunk.action(*GATE)["Namespace"]

    assert message.startswith(f"#{{{namespace}.PERMISSION_CHANGES}}. ")
    assert trunk.build_spec(*GATE)["env"]["exported-variables"] == ["PERMISSION_CHANGES"]


def test_b5_the_gate_compares_the_production_stage_that_will_be_deployed(
    trunk: Delivered,
) -> None:
    phases = trunk.build_spec(*GATE)["phases"]
    pins = json.loads(Path("package.json").read_text())["devDependencies"]
    (synthesized,) = trunk.action("Build", "Synth")["OutputArtifacts"]

    assert synthesized in trunk.action(*GATE)["InputArtifacts"]
    assert phases["install"]["commands"][-1] == f"npm install -g aws-cdk@{pins['aws-cdk']}"
    assert phases["build"]["commands"] == [
        'PERMISSION_CHANGES="$(python3 -m pipeline.steps.permission_gate cdk.out '
        "'DeliveryPipeline-main-v4grq1/Production/*')\"",
        "export PERMISSION_CHANGES",
    ]


def test_s64_the_gate_may_only_read(trunk: Delivered) -> None:
    role = trunk.project(*GATE)["ServiceRole"]["Fn::GetAtt"][0]
    assumed = [
        json.dumps(statement["Resource"])
        for policy in trunk.pipeline.properties("AWS::IAM::Policy")
        if {"Ref": role} in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "sts:AssumeRole" in as_list(statement["Action"])
    ]

    assert len(assumed) == 1
    assert ":role/cdk-hnb659fds-lookup-role-" in assumed[0]


def test_s8_the_pipeline_of_a_branch_has_no_approval(delivered: Delivered) -> None:
    actions = [a for stage in delivered.stages.values() for a in stage]

    assert all(a["ActionTypeId"]["Category"] != "Approval" for a in actions)
