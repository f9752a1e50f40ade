"""The check that a synthesized app is no more than one branch's pipeline and environment."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lambda_src.shared.drills import FAULTS_STACK
from pipeline.sources.source import Source
from pipeline.steps import own_pipeline as program

PIPELINE: Final = "transaction-pipeline"
PIPELINE_STACK: Final = "DeliveryPipeline"
ENVIRONMENT_STACK: Final = "transaction"
ACCEPTED: Final = program.ACCEPTED
REFUSED: Final = program.REFUSED
# CDK writes this for an account that is known only when the stack is deployed.
_ANY_ACCOUNT: Final = "unknown-account"


@dataclass(frozen=True, kw_only=True)
class OwnPipelineCheck:
    """A program in a command: its text is part of the stack with the build, not of the checkout."""

    source: Source
    account: str | None
    region: str

    def rules(self) -> str:
        """The rules as JSON; the program adds the branch and its suffix."""
        return json.dumps(
            {
                "pipelineStack": PIPELINE_STACK,
                "pipeline": PIPELINE,
                "environmentStack": ENVIRONMENT_STACK,
                "faultsStack": FAULTS_STACK,
                "environment": f"aws://{self.account or _ANY_ACCOUNT}/{self.region}",
                "source": self.source.to_json(),
            }
        )

    def command(self, assembly: str, *, branch: str, suffix: str) -> str:
        """Return a shell command. `branch` and `suffix` are words of the shell: quote them."""
        text = Path(program.__file__).read_text()
        start = shlex.join(["python3", "-I", "-c", text, assembly])
        return f"{start} {branch} {suffix} {shlex.quote(self.rules())}"
