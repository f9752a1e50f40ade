"""One synth per source; the environment inside is the same and not looked at here."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

import app as app_module
from checks.app_assemblies import TRUNK
from tests.infra.context import UNBUNDLED
from tests.infra.templates import Synthesized, as_list

GITHUB = TRUNK["source"]
CONNECTION = GITHUB["connectionArn"]
SUFFIX = "feature-x-5femoa"  # of the branch `delivered` is for


# What a pipeline owns itself, which every build of it may use.
_OWN = ("AWS::S3::Bucket", "AWS::Logs::LogGroup", "AWS::CodeBuild::Project", "AWS::KMS::Key")


@cache  # dear to start, so one for all apps
def _validator() -> cdk.CloudFormationValidatePlugin:
    return cdk.CloudFormationValidatePlugin()


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A pipeline stack and the assembly that it came in, with the hub where there is one."""

    pipeline: Synthesized
    outdir: Path
    hub: Synthesized | None = None
    stages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def synthesize(cls, outdir: Path, **context: object) -> "Delivered":
        """Build the app as `cdk synth` would with `context` on top of cdk.json's own.

        As there, a template that CloudFormation would refuse fails the synth.
        """
        # As the CLI does: cfn-lint knows by their paths that CDK wrote the templates.
        said = {**UNBUNDLED, "aws:cdk:enable-path-metadata": True, **context}
        app = cdk.App(outdir=str(outdir), context=said, analytics_reporting=False)
        cdk.Validations.of(app).add_plugins(_validator())
        app_module.build(app)
        found = {s.node.id: s for s in app.node.children if isinstance(s, cdk.Stack)}
        (name,) = (name for name in found if name.startswith("DeliveryPipeline-"))
        hubs = [Synthesized(s) for n, s in found.items() if n.startswith("BranchHub-")]
        pipeline = Synthesized(found[name])
        stages = pipeline.one("AWS::CodePipeline::Pipeline")["Stages"]
        return cls(
            pipeline=pipeline,
            outdir=outdir,
            hub=hubs[0] if hubs else None,
            stages={stage["Name"]: stage["Actions"] for stage in stages},
        )

    def action(self, stage: str, name: str) -> dict[str, Any]:
        (found,) = (a for a in self.stages[stage] if a["Name"] == name)
        return found

    def project(self, stage: str, name: str) -> dict[str, Any]:
        logical_id = self.action(stage, name)["Configuration"]["ProjectName"]["Ref"]
        return dict(self.pipeline.resources[logical_id]["Properties"])

    def build_spec(self, stage: str, name: str) -> dict[str, Any]:
        """The specification of an action's build, also where it lies in the assembly."""
        written = self.project(stage, name)["Source"]["BuildSpec"]
        if not isinstance(written, str):
            written = _joined(written)
        if written.endswith(".yaml"):
            written = (self.outdir / written).read_text()
        return dict(json.loads(written))

    def commands(self, stage: str, name: str) -> list[str]:
        """What an action's build runs, in order."""
        phases = self.build_spec(stage, name)["phases"]
        return [*phases.get("install", {}).get("commands", []), *phases["build"]["commands"]]

    def permissions(self, stage: str, name: str) -> dict[str, list[Any]]:
        """What an action's build may do outside of its pipeline, and on what."""
        role = self.project(stage, name)["ServiceRole"]["Fn::GetAtt"][0]
        return {
            action: as_list(statement["Resource"])
            for policy in self.pipeline.properties("AWS::IAM::Policy")
            if {"Ref": role} in policy["Roles"]
            for statement in policy["PolicyDocument"]["Statement"]
            if not any(
                logical_id in json.dumps(statement)
                for kind in _OWN
                for logical_id in self.pipeline.all(kind)
            )
            for action in as_list(statement["Action"])
        }


def _joined(value: Any) -> str:
    """An `Fn::Join` as text; what it refers to is written as `<logical id>`."""
    separator, parts = value["Fn::Join"]
    return str(separator).join(
        part if isinstance(part, str) else f"<{part['Fn::GetAtt'][0]}>" for part in parts
    )


ON_CODECOMMIT: dict[str, object] = {
    "branch": "feature/x",
    "account": "000000000000",
    "faultInjection": {"ephemeral": True},
    "apiPort": "8443",
    "databaseCaFile": "/it's/a $HOME/ca.pem",
    "hub": "also",
    "branches": {"sleep": {"after": "20:00", "until": "07:30", "timezone": "Europe/Berlin"}},
}


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """A branch on CodeCommit, with all that a place other than AWS says about itself, and with
    templates for drills. Its hub puts environments to sleep."""
    return Delivered.synthesize(tmp_path_factory.mktemp("codecommit") / "cdk.out", **ON_CODECOMMIT)


@pytest.fixture(scope="session")
def of_the_hub(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """A branch as the hub creates its pipeline."""
    return Delivered.synthesize(
        tmp_path_factory.mktemp("hub") / "cdk.out",
        branch="feature/x",
        account="000000000000",
        alarmEmail="ops@example.com",
        hub="also",
        notices="hub",
    )


@pytest.fixture(scope="session")
def from_github(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """The trunk at GitHub, for whichever account deploys it; production has a domain."""
    return Delivered.synthesize(
        tmp_path_factory.mktemp("github") / "cdk.out",
        **TRUNK,
    )


@pytest.fixture(scope="session")
def trunk(from_github: Delivered) -> Delivered:
    """The trunk with what cdk.json says: all the way to production."""
    return from_github


@pytest.fixture(scope="session")
def across_accounts(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """The trunk with production in an account of its own, and what is off by default there: its hub
    does what it finds due, and records are locked."""
    return Delivered.synthesize(
        tmp_path_factory.mktemp("accounts") / "cdk.out",
        account="111111111111",
        productionAccount="222222222222",
        productionCertificate="self-signed",
        branches={"reconcile": "apply"},
        auditLockDays={"production": 365},
    )
