"""The engine runs a deployed definition as CodePipeline does: real git, real builds."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from local_cloud.pipeline.executions import execution_states
from local_cloud.pipeline.progress import Progress
from tests.local_cloud.pipeline.conftest import Cloud, action, build, git, source, stage


def states(result_state: dict[str, Any]) -> dict[str, str]:
    return {a["name"]: a["state"] for s in result_state["stages"] for a in s["actions"]}


def test_artifacts_and_variables_are_passed_from_stage_to_stage(cloud: Cloud) -> None:
    cloud.project(
        "synth",
        "mkdir out && cp file.txt out/ && export SAID='a \"quoted\"\nvalue'",
        env={"exported-variables": ["SAID"]},
        artifacts={"base-directory": "out", "files": "**/*"},
    )
    cloud.project(
        "use", 'cat file.txt; ls "$CODEBUILD_SRC_DIR_Src/.git/HEAD"; echo "=$GOT=$RUN=$SHA"'
    )
    cloud.deploy(
        source(),
        stage("Build", build("Synth", "synth", outputs=["Out"], Namespace="Synth_ns")),
        stage(
            "Use",
            build(
                "Use",
                "use",
                inputs=["Src", "Out"],
                env={
                    "GOT": "#{Synth_ns.SAID}#{variables.V}",
                    "RUN": "#{codepipeline.PipelineExecutionId}",
                    "SHA": "#{SourceVariables.CommitId}",
                },
                configuration={"PrimarySource": "Out"},
            ),
        ),
        Variables=[{"Name": "V", "DefaultValue": "!"}],
    )
    result = cloud.run()
    assert result.succeeded, result.reason
    log = cloud.log(result, "Use")
    assert "committed" in log
    assert f'=a "quoted"\nvalue!={result.execution_id}={cloud.commit}\n' in log
    state = cloud.state_of(result)
    assert (state["status"], state["branch"], state["commit"]) == (
        "Succeeded",
        "main",
        cloud.commit,
    )
    assert states(state) == {"repo": "Succeeded", "Synth": "Succeeded", "Use": "Succeeded"}
    assert all(a["ended"] >= a["started"] for s in state["stages"] for a in s["actions"])
    assert not (result.folder / "artifacts").exists()
    assert not list((cloud.state / "builds" / "delivery").iterdir())


def test_s4_no_action_starts_after_a_failed_build_and_its_log_is_shown(cloud: Cloud) -> None:
    cloud.project("unit tests", "for i in $(seq 1 90); do echo line $i; done", "echo bang; exit 7")
    cloud.project("deploy", f"touch '{cloud.state}/deployed'")
    cloud.deploy(
        source(),
        stage("Build", build("Synth", "unit tests")),
        stage("Deploy", build("Deploy", "deploy")),
    )
    shown = io.StringIO()
    result = cloud.run(Progress(shown, live=False))
    assert result.status == "Failed"
    assert not (cloud.state / "deployed").exists()
    assert states(cloud.state_of(result))["Deploy"] == "Waiting"
    assert "Build/Synth: phase BUILD: `echo bang; exit 7` ended with exit code 7" in result.reason
    assert "    bang\n" in shown.getvalue()
    assert "    line 90\n" in shown.getvalue()
    assert "    line 1\n" not in shown.getvalue()
    assert str(result.failed_actions[0].log_file) in shown.getvalue()


def test_actions_of_one_run_order_run_in_parallel_and_before_the_next_order(
    cloud: Cloud,
) -> None:
    meet = cloud.state / "meet"
    meet.mkdir()
    for me, other in (("a", "b"), ("b", "a")):
        cloud.project(
            me, f"touch '{meet}/{me}'; until [ -e '{meet}/{other}' ]; do sleep 0.05; done"
        )
    cloud.project("after", f"test -e '{meet}/a' -a -e '{meet}/b'")
    cloud.deploy(
        source(),
        stage(
            "Build",
            build("After", "after", RunOrder=2),
            build("A", "a", RunOrder=1),
            build("B", "b", RunOrder=1),
        ),
    )
    assert cloud.run().succeeded


def test_the_number_of_parallel_actions_is_limited(cloud: Cloud) -> None:
    busy = cloud.state / "busy"
    cloud.project("alone", f"mkdir '{busy}' && sleep 0.1 && rmdir '{busy}'")
    cloud.settings = {"parallel_actions_max": 1}
    cloud.deploy(source(), stage("Build", *(build(f"B{i}", "alone") for i in range(3))))
    assert cloud.run().succeeded


def test_s6_a_pipeline_that_changes_itself_starts_again_before_anything_else(cloud: Cloud) -> None:
    new = cloud.state / "new.json"
    stages = [
        source(),
        stage("Update", build("SelfMutate", "mutate")),
        stage("X", build("Old", "old")),
    ]
    cloud.deploy(*stages)
    old_text = cloud.definition_file().read_text()
    cloud.deploy(*stages[:2], stage("X", build("New", "new")))
    cloud.definition_file().rename(new)
    cloud.definition_file().write_text(old_text)
    cloud.project("mutate", f"cp '{new}' '{cloud.definition_file()}'")
    cloud.project("old", f"touch '{cloud.state}/old-ran'")
    cloud.project("new", f"touch '{cloud.state}/new-ran'")
    shown = io.StringIO()
    result = cloud.run(Progress(shown, live=False))
    assert result.succeeded
    assert result.restarts == 1
    assert [a.name for a in result.actions] == ["repo", "SelfMutate", "repo", "SelfMutate", "New"]
    assert (cloud.state / "new-ran").exists()
    assert not (cloud.state / "old-ran").exists()
    assert "starting again with the new definition" in shown.getvalue()
    state = cloud.state_of(result)
    assert state["attempt"] == 2
    assert states(state["restarts"][0]) == {
        "repo": "Succeeded", "SelfMutate": "Succeeded", "Old": "Waiting",
    }  # fmt: skip


def test_a_pipeline_that_changes_itself_in_every_attempt_fails(cloud: Cloud) -> None:
    definition = cloud.definition_file()
    cloud.project(
        "mutate", f"""sed -i "s/\\"Tick\\": \\"[^\\"]*/&x/" '{definition}'; cat '{definition}'"""
    )
    cloud.settings = {"restarts_max": 2}
    cloud.deploy(source(), stage("Update", build("SelfMutate", "mutate")), Tick="t")
    result = cloud.run()
    assert result.status == "Failed"
    assert "changed its own definition 3 times" in result.reason
    assert "must always give the same template" in result.reason


def test_a_pipeline_that_is_deleted_while_it_runs_ends(cloud: Cloud) -> None:
    cloud.project("remove", f"rm '{cloud.definition_file()}'")
    cloud.deploy(source(), stage("B", build("B", "remove")), stage("C", build("C", "remove")))
    result = cloud.run()
    assert (result.status, len(result.actions)) == ("Failed", 2)
    assert "is not deployed" in result.reason


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        ([stage("S", action("Invoke/Lambda", "f"))], "S/f: .* cannot run Invoke/Lambda"),
        (
            [stage("S", build("B", "none", inputs=["X"]))],
            r"S/B takes \['X'\], which no earlier action",
        ),
        ([source("other")], "follows branch 'other', not 'main'"),
        ([source(RepositoryName="none")], "no repository .*none.git"),
        ([source(RepositoryName="")], "configuration lacks RepositoryName"),
        ([source(), stage("B", build("B", "none"))], "project 'none' does not exist"),
        (
            [source(), stage("B", build("B", "p", env={"A": "#{SourceVariables.No}"}))],
            "#{SourceVariables.No} is not set; SourceVariables has: AuthorDate, ",
        ),
        (
            [source(), stage("B", build("B", "p", configuration={"EnvironmentVariables": "{"}))],
            "B/B: JSONDecodeError",
        ),
    ],
)
def test_an_invalid_definition_fails_with_one_line(
    cloud: Cloud, stages: list[dict[str, Any]], reason: str
) -> None:
    cloud.project("p", "true")
    cloud.deploy(*stages)
    result = cloud.run()
    assert result.status == "Failed"
    assert "\n" not in result.reason
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(result.reason)


def test_a_pipeline_that_is_not_deployed_fails(cloud: Cloud) -> None:
    result = cloud.run()
    assert result.status == "Failed"
    assert "'delivery' is not deployed" in result.reason


def test_only_the_commit_is_built_also_with_the_git_variables_of_a_hook(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cloud.checkout / "file.txt").write_text("dirty")
    monkeypatch.setenv("GIT_DIR", str(cloud.checkout / ".git"))
    cloud.project("look", "cat file.txt; git log -1 --format=%s; git status --porcelain")
    cloud.deploy(source(), stage("B", build("B", "look")))
    result = cloud.run()
    assert "\ncommitted" in cloud.log(result, "B")
    assert "first line\n" in cloud.log(result, "B")


def test_a_commit_that_was_not_pushed_cannot_be_built(cloud: Cloud) -> None:
    (cloud.checkout / "file.txt").write_text("more")
    git("commit", "--quiet", "--all", "--message", "not pushed", cwd=cloud.checkout)
    cloud.deploy(source())
    result = cloud.run()
    assert result.status == "Failed"
    assert result.reason.startswith("Source/repo: git ")


def test_a_connection_uses_the_last_part_of_the_name_and_a_zip_has_no_history(
    cloud: Cloud,
) -> None:
    cloud.project("look", "test ! -e .git; echo $MESSAGE $NAME")
    connection = action(
        "Source/CodeStarSourceConnection",
        "github",
        {"FullRepositoryId": "me/repo", "BranchName": "main", "ConnectionArn": "arn"},
        outputs=["Src"],
        Namespace="S",
    )
    env = {"MESSAGE": "#{S.CommitMessage}", "NAME": "#{S.FullRepositoryName}"}
    cloud.deploy(stage("Source", connection), stage("B", build("B", "look", env=env)))
    result = cloud.run()
    assert result.succeeded, result.reason
    assert "\nfirst line second me/repo\n" in cloud.log(result, "B")


def test_a_build_gets_the_docker_command_the_given_variables_and_its_number(cloud: Cloud) -> None:
    cloud.environment = {"AWS_ENDPOINT_URL": "http://here"}
    cloud.project(
        "p",
        '"$CDK_DOCKER" inspect none || echo inspected $?',
        "command -v npm; echo $AWS_ENDPOINT_URL $CODEBUILD_BUILD_NUMBER $CODEBUILD_INITIATOR",
    )
    cloud.deploy(source(), stage("B", build("B", "p")))
    cloud.run()
    log = cloud.log(cloud.run(), "B")
    assert "\ninspected 1\n" in log
    assert f"\n{cloud.state}/tools/bin/npm\n" in log
    assert "\nhttp://here 2 codepipeline/delivery\n" in log


def test_a_failed_run_keeps_its_artifacts_until_the_next_run_and_its_logs_longer(
    cloud: Cloud,
) -> None:
    cloud.project("p", "exit 1")
    cloud.deploy(source(), stage("Build", build("Synth", "p")))
    first = cloud.run()
    assert (first.folder / "artifacts").exists()
    second = cloud.run()
    assert not (first.folder / "artifacts").exists()
    assert "exit 1" in cloud.log(first, "Synth")
    assert (second.folder / "artifacts").exists()


def test_old_runs_are_deleted_and_the_newest_kept(cloud: Cloud) -> None:
    cloud.settings = {"executions_kept": 2}
    cloud.deploy(source())
    runs = [cloud.run() for _ in range(4)]
    kept = [state["id"] for state in execution_states(cloud.state, "delivery")]
    # The run itself and the one before; older ones were deleted when it began.
    assert kept == [runs[3].execution_id, runs[2].execution_id]


def test_a_state_file_is_complete_at_any_time(cloud: Cloud) -> None:
    file = Path(f"{cloud.state}/pipelines/delivery/executions")
    cloud.project("look", f"cat '{file}'/*/state.json")
    cloud.deploy(source(), stage("B", build("B", "look")))
    log = cloud.log(cloud.run(), "B")
    seen = json.loads(log[log.index("\n{") : log.rindex("}") + 1])
    assert seen["status"] == "InProgress"
    assert states(seen) == {"repo": "Succeeded", "B": "InProgress"}
