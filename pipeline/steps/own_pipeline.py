"""Refuses a synthesized app that is more than the pipeline of one branch.

A build runs the text of this file: `python3 -I -c <text> <assembly> <branch> <suffix> <rules>`.
It imports nothing of the checkout, which holds the branch's own code. It prints `accepted`, or the
refusal, and ends with 0 or REFUSED.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REFUSED = 3
ACCEPTED = "accepted"
# Files that a program reads as its own settings when it runs in the assembly's folder.
_SETTINGS = re.compile(r"\..*|cdk\.json|cdk\.context\.json|package(-lock)?\.json|node_modules")
_ROLE = re.compile(r":iam::([0-9]{12}):role")
_SELF_UPDATE = "UpdatePipeline"


class Refused(Exception):
    """Names what was found, the rule, and what to do."""


def check(assembly: Path, *, branch: str, suffix: str, rules: dict[str, Any]) -> None:
    """Raises Refused. `rules`: `pipelineStack`, `pipeline`, `environmentStack`, `faultsStack`,
    which may be missing (names without the suffix), `environment` (`aws://account/region`), and
    `source`, as in cdk.json."""
    for file in sorted(assembly.iterdir()):
        if _SETTINGS.fullmatch(file.name):
            _refuse(f"file {file.name}", "is in cdk.out", "must not be: tools would read it")
    manifest = _read(assembly / "manifest.json")
    own = f"{rules['pipelineStack']}-{suffix}"
    stack = _stacks("the app", manifest, own, rules)[own]
    template = _read(assembly / str(stack["properties"]["templateFile"]))
    stages = _of_type(manifest, "cdk:cloud-assembly")
    if len(stages) != 1:
        _refuse("the app's stages", f"are {sorted(stages)}", "must be one, of its environment")
    (stage,) = stages.values()
    nested = assembly / str(stage["properties"]["directoryName"])
    names = _deployed(rules, suffix)
    nested_manifest = _read(nested / "manifest.json")
    found = _stacks("the stage", nested_manifest, names[0], rules, perhaps=names[1])
    checked = [("the app", stack), (own, template)]
    for name, each in found.items():
        nested_template = _read(nested / str(each["properties"]["templateFile"]))
        checked += [(f"{name} in the app", each), (name, nested_template)]
    for where, value in checked:
        _check_accounts(where, value, rules)
    _check_pipeline(template, branch=branch, suffix=suffix, rules=rules)


def _deployed(rules: dict[str, Any], suffix: str) -> tuple[str, str]:
    """The stack that the pipeline deploys, and the one that it may deploy as well."""
    return f"{rules['environmentStack']}-{suffix}", f"{rules['faultsStack']}-{suffix}"


def _stacks(
    where: str, manifest: dict[str, Any], name: str, rules: dict[str, Any], *, perhaps: str = ""
) -> dict[str, dict[str, Any]]:
    """The stacks by name. Raises Refused if there are others than `name` and `perhaps`."""
    artifacts = _of_type(manifest, "aws:cloudformation:stack")
    stacks = {s["properties"].get("stackName", key): s for key, s in artifacts.items()}
    if len(artifacts) != len(stacks) or not {name} <= stacks.keys() <= {name, perhaps}:
        names = ", ".join(sorted(s["properties"].get("stackName", k) for k, s in artifacts.items()))
        also = f", and perhaps {perhaps}" if perhaps else ""
        _refuse(f"the stacks of {where}", f"are {names}", f"must be only {name}{also}")
    for own, stack in stacks.items():
        if stack["environment"] != rules["environment"]:
            found = stack["environment"]
            _refuse(f"environment of {own}", f"is {found}", f"must be {rules['environment']}")
    return stacks


def _check_accounts(where: str, value: Any, rules: dict[str, Any]) -> None:
    own = rules["environment"].removeprefix("aws://").partition("/")[0]
    for text in _texts(value):
        for account in _ROLE.findall(text):
            if account != own:
                _refuse(f"a role in {where}", f"is in account {account}", f"must be in {own}")


def _check_pipeline(
    template: dict[str, Any], *, branch: str, suffix: str, rules: dict[str, Any]
) -> None:
    resources = template["Resources"]
    pipelines = [
        r["Properties"] for r in resources.values() if r["Type"] == "AWS::CodePipeline::Pipeline"
    ]
    name = f"{rules['pipeline']}-{suffix}"
    if [p.get("Name") for p in pipelines] != [name]:
        found = [p.get("Name") for p in pipelines]
        _refuse("the pipelines", f"are {found}", f"must be only {name}")
    sources = 0
    for stage in pipelines[0]["Stages"]:
        for action in stage["Actions"]:
            where = f"action {stage['Name']}.{action['Name']}"
            kind = action["ActionTypeId"]
            what = (kind["Category"], kind["Provider"])
            settings = action.get("Configuration", {})
            region = rules["environment"].rpartition("/")[2]
            _same(f"region of {where}", action.get("Region", region), region)
            if kind["Category"] == "Source":
                sources += 1
                _check_source(where, settings, branch=branch, source=rules["source"])
            elif what == ("Deploy", "CloudFormation"):
                name = settings.get("StackName")
                if name not in _deployed(rules, suffix):
                    own = " or ".join(_deployed(rules, suffix))
                    _refuse(f"StackName of {where}", f"is {name!r}", f"must be {own}")
            elif what == ("Build", "CodeBuild"):
                project = _check_project(where, settings.get("ProjectName"), resources)
                if stage["Name"] == _SELF_UPDATE:
                    _check_self_update(where, project, f"{rules['pipelineStack']}-{suffix}")
            else:
                _refuse(where, f"is {what}", "must be a source, a build or a stack's deployment")
    if sources != 1:
        _refuse("the sources of the pipeline", f"are {sources}", "must be one")


def _check_source(
    where: str, settings: dict[str, Any], *, branch: str, source: dict[str, str]
) -> None:
    _same(f"BranchName of {where}", settings.get("BranchName"), branch)
    repository = settings.get("FullRepositoryId", settings.get("RepositoryName"))
    _same(f"repository of {where}", repository, source["repository"])
    _same(f"connection of {where}", settings.get("ConnectionArn"), source.get("connectionArn"))


def _check_project(where: str, project: Any, resources: dict[str, Any]) -> dict[str, Any]:
    own = str(project.get("Ref")) if isinstance(project, dict) else ""
    if resources.get(own, {}).get("Type") != "AWS::CodeBuild::Project":
        _refuse(f"project of {where}", f"is {project}", "must be a project of the same stack")
    return dict(resources[own]["Properties"])


def _check_self_update(where: str, project: dict[str, Any], stack: str) -> None:
    spec = json.loads(project["Source"]["BuildSpec"])
    for command in spec["phases"]["build"]["commands"]:
        if not re.fullmatch(rf"cdk -a \S+ deploy {re.escape(stack)}( --\S+)*", command):
            _refuse(f"command of {where}", f"is {command!r}", f"must deploy only {stack}")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _of_type(manifest: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {k: a for k, a in manifest["artifacts"].items() if a["type"] == kind}


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text()))


def _same(field: str, found: object, needed: object) -> None:
    if found != needed:
        _refuse(field, f"is {found!r}", f"must be {needed!r}")


def _refuse(field: str, found: str, rule: str) -> None:
    raise Refused(f"{field} {found[:300]}: it {rule}")


def main(arguments: list[str]) -> int:
    assembly, branch, suffix, rules = arguments
    try:
        check(Path(assembly), branch=branch, suffix=suffix, rules=json.loads(rules))
    except Refused as refusal:
        answer = (
            f"refused: branch {branch} may deploy only its own pipeline and environment, but "
            f"{refusal}. Change this in the branch and push it"
        )
        sys.stdout.write(answer)
        sys.stderr.write(f"{answer}\n")
        return REFUSED
    sys.stdout.write(ACCEPTED)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
