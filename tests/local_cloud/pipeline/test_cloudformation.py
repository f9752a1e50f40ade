"""CloudFormation actions against a running local cloud."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.aws import AwsClients
from local_cloud.pipeline.results import RunResult
from tests.local_cloud.pipeline.conftest import Cloud, action, build, git, source, stage

Deploy = Callable[..., RunResult]


def queue(name: str) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}


def broken(name: str) -> dict[str, Any]:
    """Cannot be created when the name is taken."""
    nothing = {"Type": "NO_SOURCE"}
    return {"Type": "AWS::CodeBuild::Project", "Properties": {"Name": name, "Source": nothing}}


def template(resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Resources": resources, **more}


def changes(stack: str, **configuration: Any) -> list[dict[str, Any]]:
    """Prepare and execute, as CDK Pipelines defines them."""
    names = {"StackName": stack, "ChangeSetName": "PipelineChange"}
    return [
        action(
            "Deploy/CloudFormation",
            "Prepare",
            {
                **names,
                "ActionMode": "CHANGE_SET_REPLACE",
                "TemplatePath": "Src::template.json",
                "Capabilities": "CAPABILITY_NAMED_IAM,CAPABILITY_AUTO_EXPAND",
                "RoleArn": "arn:aws:iam::000000000000:role/deploy",
                **configuration,
            },
            inputs=["Src"],
            RunOrder=1,
        ),
        action(
            "Deploy/CloudFormation",
            "Deploy",
            {**names, "ActionMode": "CHANGE_SET_EXECUTE"},
            RunOrder=2,
            Namespace="Outputs",
        ),
    ]


@pytest.fixture
def deploy(cloud: Cloud, shared_aws: AwsClients) -> Deploy:
    """Commit and push the files, run the actions; then a build prints the outputs."""

    def client(service: str) -> Any:
        return cloud if service == "codebuild" else shared_aws.client(service)

    def carry_out(
        actions: list[dict[str, Any]], *, outputs: tuple[str, ...] = (), **files: Any
    ) -> RunResult:
        for name, content in files.items():
            (cloud.checkout / f"{name}.json").write_text(json.dumps(content))
        git("add", ".", cwd=cloud.checkout)
        git("commit", "--quiet", "--allow-empty", "--message", "change", cwd=cloud.checkout)
        git("push", "--quiet", str(cloud.state / "git/repo.git"), "main", cwd=cloud.checkout)
        cloud.settings = {"clients": client}
        cloud.project("show", *(f'echo "{name}=${name}="' for name in outputs))
        env = {name: f"#{{Outputs.{name}}}" for name in outputs}
        stages = [source(), stage("Deploy", *actions)]
        if outputs:
            stages.append(stage("Show", build("Show", "show", env=env)))
        cloud.deploy(*stages, ArtifactStore={"Location": "artifacts"})
        return cloud.run()

    return carry_out


def status(shared_aws: AwsClients, stack: str) -> str | None:
    try:
        answer = shared_aws.client("cloudformation").describe_stacks(StackName=stack)
    except ClientError:
        return None
    return str(answer["Stacks"][0]["StackStatus"])


def test_s5_a_stack_is_created_then_updated_and_its_outputs_reach_the_next_build(
    cloud: Cloud, shared_aws: AwsClients, deploy: Deploy
) -> None:
    outputs = {"Url": {"Value": {"Ref": "Q"}}, "Note": {"Value": 'a "b"\nc'}}
    first = template({"Q": queue("made-1")}, Outputs=outputs)
    result = deploy(changes("made"), template=first, outputs=("Url", "Note"))
    assert result.succeeded, result.reason
    assert "/000000000000/made-1=\n" in cloud.log(result, "Show")
    assert '\nNote=a "b"\nc=\n' in cloud.log(result, "Show")
    assert "Add AWS::SQS::Queue Q" in cloud.log(result, "Prepare")
    assert "CREATE_COMPLETE AWS::SQS::Queue Q" in cloud.log(result, "Deploy")
    second = template({"Q": queue("made-1"), "R": queue("made-2")}, Outputs=outputs)
    result = deploy(changes("made"), template=second)
    assert result.succeeded, result.reason
    assert status(shared_aws, "made") == "UPDATE_COMPLETE"
    log = cloud.log(result, "Deploy")
    assert "_COMPLETE AWS::SQS::Queue R" in log
    assert "CREATE_COMPLETE AWS::SQS::Queue Q" not in log  # an event of the deployment before


def test_a_change_set_without_changes_succeeds_and_has_outputs(
    cloud: Cloud, deploy: Deploy
) -> None:
    same = template({"Q": queue("same-1")}, Outputs={"A": {"Value": "1"}})
    assert deploy(changes("same"), template=same).succeeded
    result = deploy(changes("same"), template=same, outputs=("A",))
    assert result.succeeded, result.reason
    assert "\nA=1=\n" in cloud.log(result, "Show")
    assert "nothing to deploy" in cloud.log(result, "Deploy")
    same["Outputs"]["A"]["Value"] = "2"
    result = deploy(changes("same"), template=same, outputs=("A",))
    assert "\nA=2=\n" in cloud.log(result, "Show")


def directly(stack: str, mode: str) -> list[dict[str, Any]]:
    """One action without a change set."""
    template_path = {"TemplatePath": "Src::template.json"}
    values = {"StackName": stack, "ActionMode": mode, **template_path}
    return [action("Deploy/CloudFormation", "Deploy", values, inputs=["Src"], Namespace="Outputs")]


@pytest.fixture
def taken(shared_aws: AwsClients) -> Callable[..., None]:
    """Creates projects, so that no stack can use their names."""

    def take(*names: str) -> None:
        for name in names:
            shared_aws.client("codebuild").create_project(
                name=name,
                source={"type": "NO_SOURCE"},
                artifacts={"type": "NO_ARTIFACTS"},
                environment={"type": "x", "image": "x", "computeType": "x"},
                serviceRole="x",
            )

    return take


@pytest.mark.parametrize("actions", [changes, lambda stack: directly(stack, "CREATE_UPDATE")])
def test_s5_a_first_deployment_that_failed_blocks_the_next_as_on_aws(
    shared_aws: AwsClients,
    deploy: Deploy,
    taken: Callable[..., None],
    actions: Callable[[str], list[dict[str, Any]]],
) -> None:
    stack = "blocked" if actions is changes else "blocked-directly"
    taken(f"taken-by-{stack}")
    first = deploy(actions(stack), template=template({"Bad": broken(f"taken-by-{stack}")}))
    assert f"stack {stack} ended as ROLLBACK_COMPLETE" in first.reason
    second = deploy(actions(stack), template=template({"Q": queue(f"{stack}-1")}))
    assert second.status == "Failed"
    assert f"stack {stack} is ROLLBACK_COMPLETE and can not be updated: delete it" in second.reason
    assert status(shared_aws, stack) == "ROLLBACK_COMPLETE"


def test_s5_replace_on_failure_replaces_a_failed_stack(
    cloud: Cloud, shared_aws: AwsClients, deploy: Deploy, taken: Callable[..., None]
) -> None:
    actions = directly("bad", "REPLACE_ON_FAILURE")
    taken("taken-a", "taken-b", "taken-c")
    for name in ("taken-a", "taken-b"):
        result = deploy(actions, template=template({"Bad": broken(name)}))
        assert result.status == "Failed"
        assert "stack bad ended as ROLLBACK_COMPLETE: AWS::CodeBuild::Project Bad: " in (
            result.reason
        )
        assert name in result.reason
    log = cloud.log(result, "Deploy")
    assert "taken-a" not in log
    good = template({"Q": queue("good-1")}, Outputs={"Url": {"Value": {"Ref": "Q"}}})
    result = deploy(actions, template=good, outputs=("Url",))
    assert result.succeeded, result.reason
    assert "stack is ROLLBACK_COMPLETE: it is deleted and created again" in cloud.log(
        result, "Deploy"
    )
    assert "/000000000000/good-1=\n" in cloud.log(result, "Show")
    assert status(shared_aws, "bad") == "CREATE_COMPLETE"
    # UPDATE_ROLLBACK_COMPLETE is not a failed state: the stack is updated.
    worse = template({"Q": queue("good-1"), "Bad": broken("taken-c")})
    result = deploy(actions, template=worse)
    assert "stack bad ended as UPDATE_ROLLBACK_COMPLETE" in result.reason
    assert status(shared_aws, "bad") == "UPDATE_ROLLBACK_COMPLETE"
    before = shared_aws.client("cloudformation").describe_stacks(StackName="bad")["Stacks"][0]
    assert deploy(actions, template=template({"Q": queue("good-2")})).succeeded
    after = shared_aws.client("cloudformation").describe_stacks(StackName="bad")["Stacks"][0]
    assert (after["StackId"], after["StackStatus"]) == (before["StackId"], "UPDATE_COMPLETE")


def test_an_invalid_template_fails_the_prepare_action(deploy: Deploy) -> None:
    wrong = template({"X": {"Type": "AWS::None::Such"}})
    result = deploy(changes("refused"), template=wrong)
    assert result.status == "Failed"
    assert "Deploy/Prepare: CloudFormation: " in result.reason
    assert "AWS::None::Such" in result.reason


def test_a_large_template_is_sent_through_the_artifact_bucket_and_deleted_there(
    shared_aws: AwsClients, deploy: Deploy
) -> None:
    s3 = shared_aws.client("s3")
    s3.create_bucket(Bucket="artifacts")
    large = template({"Q": queue("large-1")}, Description="x", Metadata={"x": "y" * 60_000})
    assert deploy(changes("large"), template=large).succeeded
    assert s3.list_objects_v2(Bucket="artifacts")["KeyCount"] == 0


def test_parameters_and_tags_come_from_the_configuration_file_and_overrides_win(
    cloud: Cloud, shared_aws: AwsClients, deploy: Deploy
) -> None:
    names = ("A", "B", "C")
    wanted = template(
        {"Q": queue("parameters-1")},
        Parameters={name: {"Type": "String"} for name in names},
        Outputs={name: {"Value": {"Ref": name}} for name in names},
    )
    result = deploy(
        changes(
            "parameters",
            TemplateConfiguration="Src::settings.json",
            ParameterOverrides=json.dumps(
                {
                    "B": "#{SourceVariables.BranchName}",
                    "C": {"Fn::GetParam": ["Src", "values.json", "deep"]},
                }
            ),
        ),
        template=wanted,
        settings={"Parameters": {"A": "file", "B": "file"}, "Tags": {"suffix": "x"}},
        values={"deep": "found"},
        outputs=names,
    )
    assert result.succeeded, result.reason
    log = cloud.log(result, "Show")
    assert "\nA=file=\n" in log
    assert "\nB=main=\n" in log
    assert "\nC=found=\n" in log
    stacks = shared_aws.client("cloudformation").describe_stacks(StackName="parameters")["Stacks"]
    assert stacks[0]["Tags"] == [{"Key": "suffix", "Value": "x"}]


def test_a_stack_can_be_created_updated_and_deleted_without_change_sets(
    cloud: Cloud, shared_aws: AwsClients, deploy: Deploy
) -> None:
    for names, expected in ((["d-1"], "CREATE_COMPLETE"), (["d-1", "d-2"], "UPDATE_COMPLETE")):
        wanted = template({name.replace("-", ""): queue(name) for name in names})
        assert deploy(directly("direct", "CREATE_UPDATE"), template=wanted).succeeded
        assert status(shared_aws, "direct") == expected
    again = deploy(directly("direct", "REPLACE_ON_FAILURE"))
    assert "nothing to deploy" in cloud.log(again, "Deploy")
    assert deploy(directly("direct", "DELETE_ONLY")).succeeded
    assert status(shared_aws, "direct") is None
    assert "there is no such stack" in cloud.log(
        deploy(directly("direct", "DELETE_ONLY")), "Deploy"
    )


@pytest.mark.parametrize(
    ("configuration", "reason"),
    [
        ({"ActionMode": "SOMETHING"}, "ActionMode 'SOMETHING' is not supported"),
        ({"TemplatePath": "Src::none.json"}, "'Src::none.json': there is no such file"),
        ({"TemplatePath": "Src::../../state.json"}, "there is no such file in the artifact"),
        ({"TemplatePath": "Other::x.json"}, "does not name a file of ['Src']"),
        ({"StackName": ""}, "configuration lacks StackName"),
        ({"ParameterOverrides": '{"A": {"Fn::GetArtifactAtt": []}}'}, "ParameterOverrides A: "),
    ],
)
def test_a_wrong_configuration_fails_with_one_line(
    deploy: Deploy, configuration: dict[str, str], reason: str
) -> None:
    result = deploy(changes("wrong", **configuration), template=template({}))
    assert result.status == "Failed"
    assert reason in result.reason
