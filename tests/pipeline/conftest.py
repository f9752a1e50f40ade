"""One synth per source; the environment inside is the same and not looked at here."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

import app as app_module
from tests.infra.context import UNBUNDLED
from tests.infra.templates import Synthesized

CONNECTION = "arn:aws:codeconnections:us-east-1:111111111111:connection/0a1b"
GITHUB = {"kind": "github", "repository": "acme/ledger", "connectionArn": CONNECTION}


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A pipeline stack and the assembly that it came in, with the hub where there is one."""

    pipeline: Synthesized
    outdir: Path
    hub: Synthesized | None = None
    stages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def synthesize(cls, outdir: Path, **context: object) -> "Delivered":
        """Build the app as `cdk synth` would with `context` on top of cdk.json's own."""
        app = cdk.App(
            outdir=str(outdir), context={**UNBUNDLED, **context}, analytics_reporting=False
        )
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


def _joined(value: Any) -> str:
    """An `Fn::Join` as text; what it refers to is written as `<logical id>`."""
    separator, parts = value["Fn::Join"]
    return str(separator).join(
        part if isinstance(part, str) else f"<{part['Fn::GetAtt'][0]}>" for part in parts
    )


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """A branch on CodeCommit, with all that a place other than AWS says about itself."""
    return Delivered.synthesize(
        tmp_path_factory.mktemp("codecommit") / "cdk.out",
        branch="feature/x",
        account="000000000000",
        apiPort="8443",
        databaseCaFile="/it's/a $HOME/ca.pem",
        hub="also",
    )


@pytest.fixture(scope="session")
def from_github(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """The trunk at GitHub, for whichever account deploys it."""
    return Delivered.synthesize(tmp_path_factory.mktemp("github") / "cdk.out", source=GITHUB)


@pytest.fixture(scope="session")
def trunk(from_github: Delivered) -> Delivered:
    """The trunk with what cdk.json says: all the way to production."""
    return from_github


@pytest.fixture(scope="session")
def across_accounts(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """The trunk with production in an account of its own."""
    return Delivered.synthesize(
        tmp_path_factory.mktemp("accounts") / "cdk.out",
        account="111111111111",
        productionAccount="222222222222",
    )
