"""A branch whose pipeline deploys an environment: a stack with an environment's outputs."""

import json
from pathlib import Path

from lambda_src.shared.branch_suffix import suffix_of_branch
from tests.local_cloud.branches.hub import Branches, pipeline_template
from tests.local_cloud.pipeline.conftest import action, stage


def commit_environment(branches: Branches, branch: str, *, command: str = "true") -> str:
    """Commit it for `branch`, with a build that runs `command`; returns its suffix."""
    suffix = suffix_of_branch(branch)
    resources = pipeline_template(branch, command)
    stages = resources["Pipeline"]["Properties"]["Stages"]
    stages[0]["Actions"][0]["Configuration"]["OutputArtifactFormat"] = "CODE_ZIP"
    deploying = {
        "ActionMode": "CREATE_UPDATE",
        "StackName": f"transaction-{suffix}",
        "TemplatePath": "Src::application.json",
        "TemplateConfiguration": "Src::configuration.json",
    }
    stages.append(
        stage("Deploy", action("Deploy/CloudFormation", "Deploy", deploying, inputs=["Src"]))
    )
    branches.write({"pipeline.json": resources})
    write(branches, "application.json", application(suffix))
    tags = {"application": "transaction-pipeline", "environment-suffix": suffix}
    write(branches, "configuration.json", {"Tags": tags})
    branches.cloud.commit(branch)
    return suffix


def application(suffix: str) -> dict[str, object]:
    """The template of an environment without an API: nothing answers at its addresses."""
    values = {
        "EnvironmentSuffix": suffix,
        "ApiUrl": "http://127.0.0.1:9",
        "ApiDocsUrl": "http://127.0.0.1:9/docs",
        "ApiCertificate": "a certificate",
        "ApiCredentialsSecretName": f"transaction-api-credentials-{suffix}",
        "TransactionQueueUrl": f"http://127.0.0.1:9/queue-{suffix}",
        "AuditBucketName": f"audit-{suffix}",
    }
    queues = {
        name: {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{queue}-{suffix}"}}
        for name, queue in {
            "Queue": "transaction-queue",
            "DeadLetters": "transaction-dead-letters",
        }.items()
    }
    return {
        "Resources": queues,
        "Outputs": {name: {"Value": value} for name, value in values.items()},
    }


def write(branches: Branches, name: str, document: object) -> None:
    (branches.cloud.checkout / name).write_text(json.dumps(document))


def facts_files(branches: Branches, suffix: str) -> list[str]:
    """The endings of the environment's files of facts."""
    return sorted(f.suffix for f in Path(branches.cloud.paths.environments).glob(f"{suffix}.*"))
