"""Stub of the two commands of the hub's build.

`cdk synth ... --output <folder> -c branch=<branch>` writes an app that the build's check accepts;
with a file `second-stack` it has one stack more. `cdk deploy --app <folder>
DeliveryPipeline-<suffix>` creates two small stacks.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, "@ROOT@")

from lambda_src.shared.branch_suffix import suffix_of_branch


def call(action: str, **parameters: str) -> str:
    body = urllib.parse.urlencode({"Action": action, "Version": "2010-05-15", **parameters})
    request = urllib.request.Request(
        os.environ["AWS_ENDPOINT_URL"],
        data=body.encode(),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/cloudformation/x",
        },
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.read().decode())


def create(name: str, template: Path, suffix: str) -> None:
    if "does not exist" not in call("DescribeStacks", StackName=name):
        return
    tags = {"application": "transaction-pipeline", "environment-suffix": suffix}
    members = {}
    for number, (key, value) in enumerate(tags.items(), 1):
        members[f"Tags.member.{number}.Key"] = key
        members[f"Tags.member.{number}.Value"] = value
    body = template.read_text().replace("@SUFFIX@", suffix)
    call("CreateStack", StackName=name, TemplateBody=body, **members)
    while True:
        found = call("DescribeStacks", StackName=name)
        if "CREATE_COMPLETE" in found:
            return
        if "IN_PROGRESS" not in found:
            sys.exit(f"{name} was not created: {found}")
        time.sleep(0.05)


def action(category: str, provider: str, **settings: str) -> dict[str, object]:
    kind = {"Category": category, "Provider": provider}
    return {"Name": category, "ActionTypeId": kind, "Configuration": settings}


def synthesize(folder: Path, branch: str, suffix: str, source: dict[str, str]) -> None:
    """An app in the form that CDK gives it, as far as the check reads it."""
    of_source = action(
        "Source",
        "CodeStarSourceConnection",
        BranchName=branch,
        FullRepositoryId=source["repository"],
        ConnectionArn=source["connectionArn"],
    )
    deployment = action("Deploy", "CloudFormation", StackName=f"transaction-{suffix}")
    stages = [
        {"Name": "Source", "Actions": [of_source]},
        {"Name": "Environment", "Actions": [deployment]},
    ]
    pipeline = {
        "Type": "AWS::CodePipeline::Pipeline",
        "Properties": {"Name": f"transaction-pipeline-{suffix}", "Stages": stages},
    }
    nested = folder / "environment"
    nested.mkdir(parents=True)
    names = [f"DeliveryPipeline-{suffix}", *(["Second"] if Path("second-stack").exists() else [])]
    write(folder, names, {"Pipeline": pipeline})
    write(nested, [f"transaction-{suffix}"], {})
    manifest = json.loads((folder / "manifest.json").read_text())
    place = {"directoryName": nested.name}
    manifest["artifacts"]["stage"] = {"type": "cdk:cloud-assembly", "properties": place}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def write(folder: Path, stacks: list[str], resources: dict[str, object]) -> None:
    artifacts = {
        name: {
            "type": "aws:cloudformation:stack",
            "environment": "aws://@ACCOUNT@/@REGION@",
            "properties": {"templateFile": "template.json"},
        }
        for name in stacks
    }
    (folder / "template.json").write_text(json.dumps({"Resources": resources}))
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))


def given(name: str) -> str:
    return next(a for a in sys.argv if a.startswith(f"{name}=")).removeprefix(f"{name}=")


if __name__ == "__main__":
    if "synth" in sys.argv:
        branch = given("branch")
        output = Path(sys.argv[sys.argv.index("--output") + 1])
        synthesize(output, branch, suffix_of_branch(branch), json.loads(given("source")))
    else:
        own = sys.argv[-1].removeprefix("DeliveryPipeline-")
        if Path("fails").exists():
            sys.exit("fails on purpose")
        create(f"DeliveryPipeline-{own}", Path("pipeline.json"), own)
        create(f"transaction-{own}", Path("application.json"), own)
