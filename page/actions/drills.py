"""The buttons of the drills: each causes a failure under load and checks that nothing is lost."""

from typing import Final

from page.actions.action import Action, Confirmation, Parameter, Subject
from page.actions.rules import SUFFIX

_SUFFIX: Final = Parameter(name="SUFFIX", label="Environment", rule=SUFFIX, is_needed=True)
_ON_FAILURE: Final = (
    "The drill failed: the lines above name the promise that was not kept, or what the drill "
    "lacks. docs/recovery.md describes every drill."
)


def _drill(name: str, *, title: str, does: str) -> Action:
    """Of the local cloud: each has a target of its own."""
    return Action(
        name=f"drill-{name}",
        title=title,
        target=f"drill-{name}",
        subject=Subject.ENVIRONMENT,
        parameters=(_SUFFIX,),
        says=f"In {{SUFFIX}}, under load: {does}. The drill posts transactions of its own. Then it "
        "checks that none that was acknowledged is lost. Clients may see errors meanwhile.",
        confirmation=Confirmation.SECOND_CLICK,
        checkbox="{SUFFIX} may be disturbed now.",
        group="Drills",
        on_failure=_ON_FAILURE,
    )


def _experiment(name: str, *, title: str, does: str) -> Action:
    """On AWS: a template of Fault Injection Service, in a stack that an environment may have."""
    return Action(
        name=f"experiment-{name}",
        title=title,
        target="drill",
        subject=Subject.ENVIRONMENT,
        parameters=(_SUFFIX,),
        constants={"DRILL": name},
        says=f"In {{SUFFIX}} on AWS, under load: {does}. The drill posts transactions of its own. "
        "Then it checks that none that was acknowledged is lost. Clients may see errors meanwhile. "
        "An alarm ends the fault. It needs the environment's setting `faultInjection`.",
        confirmation=Confirmation.SECOND_CLICK,
        checkbox="{SUFFIX} may be disturbed now.",
        group="Drills",
        is_on_aws=True,
        is_local=False,
        on_failure=_ON_FAILURE,
    )


_ON_AWS: Final = (
    _experiment("kill-task", title="Stop a task", does="a task of the service is stopped"),
    _experiment(
        "kill-database",
        title="Fail the database over",
        does="Aurora fails over: a reader becomes the writer",
    ),
    _experiment(
        "lose-zone",
        title="Lose a zone",
        does="everything in one zone loses its power; later the zone comes back",
    ),
    _experiment(
        "cut-database",
        title="Cut off the database",
        does="the service loses its network to the database for one minute",
    ),
)
DRILLS: Final = (
    _drill("kill-task", title="Kill a task", does="a task of the service is killed"),
    _drill("hang-task", title="Hang a task", does="a task of the service hangs and is replaced"),
    _drill(
        "kill-database",
        title="Kill the database's writer",
        does="the writer of the database is killed and the standby takes over",
    ),
    _drill(
        "hang-database",
        title="Hang the database's writer",
        does="the writer of the database hangs, is fenced, and the standby takes over",
    ),
    _drill(
        "kill-balancer",
        title="Kill the load balancer",
        does="the load balancer is killed and comes back",
    ),
    _drill(
        "lose-zone",
        title="Lose a zone",
        does="everything in the zone of the writer is killed; later the zone comes back",
    ),
    _drill(
        "cut-database",
        title="Cut off the database",
        does="the tasks are cut off from the database, then connected again",
    ),
    _drill("away", title="SQS and S3 away", does="SQS and S3 refuse every request for a minute"),
    _drill(
        "full-disk",
        title="Full disk",
        does="the disk of the writer is full and the standby takes over (needs strace)",
    ),
    _drill(
        "clock",
        title="Clock jumps",
        does="the clock of the database jumps forward and back (needs libfaketime)",
    ),
    _drill(
        "rolling-update",
        title="Deliver under load",
        does="the current commit is delivered again",
    ),
    *_ON_AWS,
)
