"""Stub of `npx cdk deploy ... -c branch=<branch> DeliveryPipeline-*`: creates two small stacks."""

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


if __name__ == "__main__":
    branch = next(a for a in sys.argv if a.startswith("branch=")).removeprefix("branch=")
    own = suffix_of_branch(branch)
    if Path("fails").exists():
        sys.exit("fails on purpose")
    create(f"DeliveryPipeline-{own}", Path("pipeline.json"), own)
    create(f"transaction-{own}", Path("application.json"), own)
