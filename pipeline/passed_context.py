"""Which context keys a delivery passes on to later synths of its pipeline, and how."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.branch_settings import KEY as BRANCHES
from pipeline.branch_settings import BranchSettings
from pipeline.context_values import as_text
from pipeline.domains import KEY as DOMAINS
from pipeline.task_capacity import KEY as TASK_CAPACITY
from pipeline.task_capacity import parse_task_capacity
from pipeline.task_capacity import to_json as capacity_to_json

# These identify the pipeline: a new default in a push must not change them.
_IDENTITY: Final = ("branch", "environmentSuffix", "account", "region")
# These are decided outside of a branch: the cdk.json of any branch but the trunk cannot change
# them. They are always passed on; an empty value means that the key is not set.
DECIDED_OUTSIDE: Final = (
    *_IDENTITY,
    "trunk",
    "promotion",
    BRANCHES,
    "source",
    "productionAccount",
    DOMAINS,
    "hub",
)


@dataclass(frozen=True, kw_only=True)
class PassedContext:
    """`given`: the settings as text, by key; `defaults`: those of the commit's own cdk.json."""

    given: Mapping[str, str | None]
    defaults: Mapping[str, object]

    def of_trunk(self) -> dict[str, str]:
        """The keys that are set and differ from the defaults, and the pipeline's identity.

        Other defaults are left out, so that a push can change or remove them.
        """
        defaults = {
            **self.defaults,
            # Fields that an object omits have default values.
            BRANCHES: BranchSettings.parse(self.defaults.get(BRANCHES)).to_json(),
            TASK_CAPACITY: capacity_to_json(parse_task_capacity(self.defaults.get(TASK_CAPACITY))),
        }
        return {
            key: value
            for key, value in self.given.items()
            if value is not None and (key in _IDENTITY or value != as_text(defaults.get(key)))
        }

    def of_branch(self) -> dict[str, str]:
        """Also all keys of DECIDED_OUTSIDE, set or not. A branch's pipeline has no hub."""
        return {**self.of_trunk(), **{key: self.given.get(key) or "" for key in DECIDED_OUTSIDE}}


def synth_command(context: Mapping[str, str]) -> str:
    """Return the shell command that synthesizes a checkout with `context`."""
    flags = [part for pair in context.items() for part in ("-c", "=".join(pair))]
    # make expands dollar signs; the shell expands everything else.
    return f"make synth CDK_CONTEXT={shlex.quote(shlex.join(flags).replace('$', '$$'))}"
