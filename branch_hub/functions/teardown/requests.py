"""Dispatches requests of the destroy machine: one action per request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from branch_hub.functions.shared.guard import NotOurs, refuse_unless_ephemeral
from branch_hub.functions.shared.pipeline_runs import PipelineRuns
from branch_hub.functions.shared.stacks import Environment, StackFinder
from branch_hub.functions.teardown.deletion import Deletion
from branch_hub.functions.teardown.find import find
from branch_hub.functions.teardown.images import Image, Images
from branch_hub.functions.teardown.listings import Clients
from branch_hub.functions.teardown.sweep import Sweeper
from branch_hub.functions.teardown.task_definitions import TaskDefinitions
from branch_hub.functions.teardown.unblock import Unblocking
from branch_hub.functions.teardown.verify import remains

Request = Mapping[str, Any]


class StillThere(Exception):
    """A stack was created again, or not deleted. A retry may find it deleted."""


@dataclass(frozen=True, kw_only=True)
class Teardown:
    """`clients` gives the boto3 client of a service."""

    trunk: str
    stacks: StackFinder
    clients: Clients

    def carry_out(self, request: Request) -> dict[str, Any]:
        """Raises NotOurs for what may not be deleted and for a malformed request; StillThere."""
        suffix = refuse_unless_ephemeral(request.get("suffix"), trunk=self.trunk)
        action = request.get("action")
        if not isinstance(action, str) or action not in _ACTIONS:
            raise NotOurs(f"action is {action!r}: it must be one of {', '.join(_ACTIONS)}")
        return _ACTIONS[action](self, suffix, request)

    def stop(self, suffix: str, request: Request) -> dict[str, Any]:
        self._refuse_foreign_stacks(self.stacks.environment(suffix))
        return {"running": self._runs.stop(suffix, force=bool(request.get("force")))}

    def find(self, suffix: str, _: Request) -> dict[str, Any]:
        return find(
            suffix,
            stacks=self.stacks,
            images=self._images,
            task_definitions=self._task_definitions,
        )

    def delete(self, suffix: str, request: Request) -> dict[str, Any]:
        answer = self._deletion.step(request["stack"], suffix)
        # A push can start a run, which would create the stack again.
        self._runs.stop(suffix, force=False)
        return answer

    def unblock(self, suffix: str, request: Request) -> dict[str, Any]:
        unblocking = Unblocking(
            deletion=self._deletion,
            s3=self.clients("s3"),
            ecr=self.clients("ecr"),
            ec2=self.clients("ec2"),
        )
        return unblocking.unblock(request["stack"], suffix)

    def sweep(self, suffix: str, request: Request) -> dict[str, Any]:
        environment = self.stacks.environment(suffix)
        self._refuse_foreign_stacks(environment)
        if environment.stacks:
            names = ", ".join(stack.name for stack in environment.stacks)
            raise StillThere(f"{names}: its stacks still exist, nothing was swept")
        sweeper = Sweeper(
            logs=self.clients("logs"),
            rds=self.clients("rds"),
            task_definitions=self._task_definitions,
            images=self._images,
            stacks=self.stacks,
            runs=self._runs,
        )
        return sweeper.sweep(suffix, map(Image.parse, request.get("images", [])))

    def verify(self, suffix: str, _: Request) -> dict[str, Any]:
        return {"remains": remains(suffix, clients=self.clients, stacks=self.stacks)}

    def _refuse_foreign_stacks(self, environment: Environment) -> None:
        """Their pipelines, logs and snapshots have the same names as the environment's."""
        if environment.foreign_stacks:
            raise NotOurs("; ".join(environment.foreign_stacks))

    @property
    def _runs(self) -> PipelineRuns:
        return PipelineRuns(codepipeline=self.clients("codepipeline"))

    @property
    def _images(self) -> Images:
        return Images(cloudformation=self.clients("cloudformation"), ecr=self.clients("ecr"))

    @property
    def _task_definitions(self) -> TaskDefinitions:
        return TaskDefinitions(ecs=self.clients("ecs"))

    @property
    def _deletion(self) -> Deletion:
        return Deletion(cloudformation=self.clients("cloudformation"), stacks=self.stacks)


_ACTIONS: Final[Mapping[str, Callable[[Teardown, str, Request], dict[str, Any]]]] = {
    "stop": Teardown.stop,
    "find": Teardown.find,
    "delete": Teardown.delete,
    "unblock": Teardown.unblock,
    "sweep": Teardown.sweep,
    "verify": Teardown.verify,
}
