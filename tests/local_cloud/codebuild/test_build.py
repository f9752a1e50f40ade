"""Builds behave as in CodeBuild, with real shells and real processes."""

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from local_cloud.codebuild.process import BuildFailed, BuildStopped
from local_cloud.codebuild.project import Variable
from tests.local_cloud.codebuild.conftest import Builds


def a_while() -> str:
    """Seconds to sleep that no other test's processes have on their command line."""
    return f"7{random.randrange(10**9)}.5"


def processes_with(argument: str) -> list[psutil.Process]:
    """Living processes that were started with exactly this argument."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        if argument in line and process.info["status"] != "zombie":
            found.append(process)
    return found


def test_a_command_sees_variables_functions_and_folder_of_the_command_before(
    builds: Builds,
) -> None:
    spec = {
        "env": {"exported-variables": ["SEEN", "MISSING"]},
        "phases": {
            "pre_build": {"commands": ["PLAIN='with $ and \"quotes\"'", "mkdir 'a b'; cd 'a b'"]},
            "build": {
                "commands": ["hello() { echo hi; }", 'export SEEN="$PLAIN|$(hello)|${PWD##*/}"']
            },
        },
    }
    assert builds.run(spec) == {"SEEN": 'with $ and "quotes"|hi|a b'}


def test_a_command_that_exits_its_shell_does_not_skip_the_next(builds: Builds) -> None:
    builds.commands("export A=1; exit 0", 'test "$A" = 1; echo went on')
    assert "\nwent on\n" in builds.log


def test_temporary_files_of_a_build_are_deleted_with_it(builds: Builds) -> None:
    builds.caller["TMPDIR"] = str(builds.folder / "of the machine")
    builds.commands("mktemp -d")
    (made,) = re.findall(r"^(/.*/tmp\.\w+)$", builds.log, re.MULTILINE)
    assert Path(made).is_relative_to(builds.folder / "work")
    assert not Path(made).exists()


def test_a_failing_build_runs_finally_and_post_build_and_has_no_artifacts(
    builds: Builds,
) -> None:
    spec = {
        "phases": {
            "build": {
                "commands": ["false || true", "echo x > out.txt; exit 3", "echo not reached"],
                "finally": ["echo finally $CODEBUILD_BUILD_SUCCEEDING"],
            },
            "post_build": {"commands": ["echo post $CODEBUILD_BUILD_SUCCEEDING"]},
        },
        "artifacts": {"files": ["out.txt"]},
    }
    output = builds.folder / "output"
    with pytest.raises(BuildFailed, match=r"phase BUILD: `echo x > out.txt; exit 3` .* code 3"):
        builds.run(spec, outputs={"Out": output})
    assert "\nnot reached\n" not in builds.log
    assert "\nfinally 0\n" in builds.log
    assert "\npost 0\n" in builds.log
    assert not output.exists()


def test_a_failure_before_the_build_phase_ends_the_build(builds: Builds) -> None:
    spec = {
        "phases": {
            "install": {"commands": ["false"], "finally": ["echo cleaned"]},
            "build": {"commands": ["echo built"]},
            "post_build": {"commands": ["echo posted"]},
        }
    }
    with pytest.raises(BuildFailed, match="phase INSTALL"):
        builds.run(spec)
    assert "\ncleaned\n" in builds.log
    assert "\nbuilt\n" not in builds.log
    assert "\nposted\n" not in builds.log


def test_on_failure_continue_runs_the_next_phase(builds: Builds) -> None:
    spec = {
        "phases": {
            "pre_build": {"on-failure": "CONTINUE", "commands": ["false"]},
            "build": {"commands": ["echo built"]},
        }
    }
    builds.run(spec)
    assert "\nbuilt\n" in builds.log


def test_only_a_few_variables_of_the_caller_are_passed_on(builds: Builds) -> None:
    builds.caller |= {
        "GIT_DIR": "/x",
        "SECRET": "s",
        "PIP_INDEX_URL": "https://p",
        "https_proxy": "h",
    }
    builds.caller |= {"npm_config_prefix": "/usr", "AWS_PROFILE": "real-account"}
    builds.commands("env | sort")
    seen = dict(line.split("=", 1) for line in builds.log.splitlines() if "=" in line)
    assert not {"GIT_DIR", "SECRET", "AWS_PROFILE", "npm_config_prefix"} & set(seen)
    assert (seen["PIP_INDEX_URL"], seen["https_proxy"], seen["GIVEN"]) == ("https://p", "h", "yes")
    assert seen["NPM_CONFIG_PREFIX"] == str(builds.folder / "state/cache/npm-global")
    assert seen["PATH"].startswith(
        f"{builds.folder}/state/tools/bin:{builds.folder}/state/cache/npm-global/bin:"
    )


def test_variables_of_the_start_override_the_project_and_those_the_buildspec(
    builds: Builds,
) -> None:
    spec = {
        "env": {"variables": {"A": "spec", "B": "spec", "C": "spec"}},
        "phases": {"build": {"commands": ["echo $A $B $C"]}},
    }
    builds.run(
        spec,
        project_variables=(
            Variable(name="B", value="project"),
            Variable(name="C", value="project"),
        ),
        variables=(Variable(name="C", value="action"),),
    )
    assert "\nspec project action\n" in builds.log


def test_a_build_has_the_codebuild_variables_and_copies_of_its_sources(builds: Builds) -> None:
    first, second = builds.folder / "first", builds.folder / "second"
    for folder in (first, second):
        folder.mkdir(parents=True)
        (folder / "name").write_text(folder.name)
    builds.commands(
        'cat name "$CODEBUILD_SRC_DIR/name" "$CODEBUILD_SRC_DIR_Two/name"; echo',
        "echo $CODEBUILD_BUILD_ID $CODEBUILD_BUILD_ARN $CODEBUILD_INITIATOR",
        "echo $CODEBUILD_RESOLVED_SOURCE_VERSION $CODEBUILD_BUILD_NUMBER",
        "echo changed > name",
        sources={"One": first, "Two": second},
        primary="One",
        source_version="abc",
        build_number=7,
    )
    assert "\nfirstfirstsecond\n" in builds.log
    assert "\nproject:" in builds.log
    assert " arn:aws:codebuild:us-east-1:000000000000:build/project:" in builds.log
    assert " codepipeline/test\nabc 7\n" in builds.log.replace(
        next(
            line for line in builds.log.splitlines() if "Running command echo $CODEBUILD_R" in line
        )
        + "\n",
        "",
    )
    assert (first / "name").read_text() == "first"  # a build works on a copy


def test_a_buildspec_may_be_a_file_of_the_source(builds: Builds) -> None:
    source = builds.folder / "source"
    source.mkdir(parents=True)
    (source / "spec.yaml").write_text(
        '{"version": "0.2", "phases": {"build": {"commands": "echo in file"}}}'
    )
    builds.run("spec.yaml", sources={"S": source}, primary="S")
    assert "\nin file\n" in builds.log
    with pytest.raises(BuildFailed, match=r"no buildspec file 'buildspec.yml'"):
        builds.run("", sources={"S": source}, primary="S")


def test_artifacts_are_the_files_of_the_patterns_with_hidden_files_and_links(
    builds: Builds,
) -> None:
    spec = {
        "phases": {
            "build": {
                "commands": [
                    "mkdir -p out/deep/er more && cd out",
                    "touch a .hidden deep/er/b deep/no && ln -s a link && chmod +x a",
                    "touch ../more/c; OUT=out",
                ]
            }
        },
        "artifacts": {
            "secondary-artifacts": {
                "All": {"base-directory": "$OUT", "files": "**/*", "exclude-paths": ["deep/no"]},
                "Flat": {"files": ["more/*"], "discard-paths": "yes"},
            }
        },
    }
    # $OUT must be exported to be seen, as on AWS
    spec["env"] = {"variables": {"OUT": "x"}}
    target = builds.folder / "artifacts"
    builds.run(spec, outputs={"All": target / "All", "Flat": target / "Flat"})
    found = [p.relative_to(target).as_posix() for p in target.rglob("*") if not p.is_dir()]
    assert sorted(found) == ["All/.hidden", "All/a", "All/deep/er/b", "All/link", "Flat/c"]
    assert (target / "All/link").is_symlink()
    assert os.access(target / "All/a", os.X_OK)


@pytest.mark.parametrize(
    ("artifacts", "message"),
    [
        ({"secondary-artifacts": {}}, "the output 'Out', but"),
        ({"base-directory": "none", "files": ["*"]}, "'none': no such folder"),
        ({"files": ["*.none"]}, "no file matches"),
        ({"files": ["../*"]}, "must stay below"),
    ],
)
def test_a_missing_artifact_fails_the_build(
    builds: Builds, artifacts: dict[str, Any], message: str
) -> None:
    spec = {"phases": {"build": {"commands": ["true"]}}, "artifacts": artifacts}
    with pytest.raises(BuildFailed, match=message):
        builds.run(spec, outputs={"Out": builds.folder / "out"})
    assert message.replace("\\", "") in builds.log


class Store:
    """SSM and Secrets Manager in one."""

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> Any:  # noqa: N803
        assert WithDecryption
        return {"Parameter": {"Value": {"/known": "parameter"}[Name]}}

    def get_secret_value(self, *, SecretId: str, **version: str) -> Any:  # noqa: N803
        return {"SecretString": '{"user": "me"}' if SecretId.endswith(":s-1") else f"{version}"}


def test_references_to_parameters_and_secrets_are_resolved(builds: Builds) -> None:
    builds.clients = lambda service: Store()
    arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:s-1"
    builds.commands(
        "echo $P $S $V",
        variables=(
            Variable(name="P", value="/known", kind="PARAMETER_STORE"),
            Variable(name="S", value=f"{arn}:user", kind="SECRETS_MANAGER"),
            Variable(name="V", value="plain::AWSPREVIOUS", kind="SECRETS_MANAGER"),
        ),
    )
    assert "\nparameter me {'VersionStage': 'AWSPREVIOUS'}\n" in builds.log


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (Variable(name="P", value="/none", kind="PARAMETER_STORE"), "P .PARAMETER_STORE /none.:"),
        (Variable(name="P", value="/none", kind="OTHER"), "unknown type 'OTHER'"),
    ],
)
def test_an_invalid_reference_fails_before_any_command(
    builds: Builds, variable: Variable, message: str
) -> None:
    builds.clients = lambda service: Store()
    with pytest.raises(BuildFailed, match=message):
        builds.commands("echo ran", variables=(variable,))
    assert "echo ran" not in builds.log


def test_background_processes_of_a_build_end_with_it(builds: Builds) -> None:
    seconds = a_while()
    builds.commands(
        f"(setsid setsid sleep {seconds} >/dev/null 2>&1 &) ; sleep {seconds} &",
        f"(trap '' TERM; exec sleep {seconds}) & true",
    )
    assert processes_with(seconds) == []
    assert not (builds.folder / "work").exists()


def test_stopping_a_build_ends_processes_in_other_sessions_too(builds: Builds) -> None:
    seconds = a_while()

    def stop_when_running() -> None:
        while len(processes_with(seconds)) < 2:
            time.sleep(0.05)
        builds.stop.set()

    watcher = threading.Thread(target=stop_when_running)
    watcher.start()
    with pytest.raises(BuildStopped):
        builds.commands(f"setsid sleep {seconds} & sleep {seconds}")
    watcher.join()
    assert processes_with(seconds) == []


def test_a_build_that_times_out_fails_and_is_ended(builds: Builds) -> None:
    seconds = a_while()
    with pytest.raises(BuildFailed, match="timed out after 0 minutes"):
        builds.commands(f"sleep {seconds}", timeout_minutes=0)
    assert processes_with(seconds) == []


def test_a_build_ends_with_the_process_that_started_it(builds: Builds, tmp_path: Path) -> None:
    ready, seconds = tmp_path / "ready", a_while()
    script = (
        "import os\nfrom pathlib import Path\n"
        "from tests.local_cloud.codebuild.conftest import Builds\n"
        f"Builds(folder=Path({str(tmp_path)!r})).commands("
        f"'touch \"{ready}\"; (setsid sleep {seconds} &); sleep {seconds}')\n"
    )
    caller = subprocess.Popen([sys.executable, "-c", script])
    while not ready.exists() or len(processes_with(seconds)) < 2:
        assert caller.poll() is None
        time.sleep(0.05)
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    while processes_with(seconds):  # nobody here waits for them: they end by themselves
        time.sleep(0.05)


def test_ignored_sections_are_named_in_the_log(builds: Builds) -> None:
    spec = {
        "phases": {"install": {"runtime-versions": {"python": "3.12"}}},
        "reports": {"r": {"files": "*"}},
    }
    builds.run(spec)
    assert "runtime-versions python: 3.12 is ignored" in builds.log
    assert "section reports is ignored" in builds.log
