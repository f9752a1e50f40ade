"""Finds the stacks and images of an environment to delete."""

from typing import Any

from branch_hub.functions.shared.stacks import Environment, StackFinder
from branch_hub.functions.teardown.images import Images
from branch_hub.functions.teardown.task_definitions import TaskDefinitions


def find(
    suffix: str, *, stacks: StackFinder, images: Images, task_definitions: TaskDefinitions
) -> dict[str, Any]:
    """Return stacks in the order of deletion, images, and `refused` stacks with the reason."""
    environment = stacks.environments().get(suffix) or Environment(suffix=suffix)
    protected = [s.name for s in environment.stacks if s.is_termination_protected]
    named = images.of(environment.application) if environment.application else set()
    return {
        "stacks": [stack.name for stack in environment.stacks if stack.name not in protected],
        # Of every revision, not only of the newest.
        "images": [image.to_json() for image in sorted(named | task_definitions.images_of(suffix))],
        "refused": [
            *environment.foreign_stacks,
            *(f"{name} has termination protection" for name in protected),
        ],
    }
