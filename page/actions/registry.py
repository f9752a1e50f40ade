"""All buttons of the page, by the subject at which they are shown."""

from typing import Final

from page.actions.action import Action, Confirmation, Parameter, Subject
from page.actions.drills import DRILLS
from page.actions.rules import BRANCH, ID, MOMENT, QUEUE, REASON, SUFFIX

_BRANCH: Final = Parameter(name="BRANCH", label="Branch", rule=BRANCH, is_needed=True)
_SUFFIX: Final = Parameter(name="SUFFIX", label="Environment", rule=SUFFIX, is_needed=True)
_EXECUTION: Final = Parameter(name="EXECUTION", label="Run", rule=ID, is_needed=True)
_HUB: Final = Parameter(
    name="HUB", label="Branch hub", rule=SUFFIX, hint="only if the account has several"
)
_LETTERS: Final = (
    _SUFFIX,
    Parameter(name="QUEUE", label="Queue", rule=QUEUE, choices=("transaction", "audit")),
    Parameter(name="REASON", label="Reason", rule=REASON, hint="only letters with this reason"),
    Parameter(
        name="ID", label="Id", rule=ID, hint="only letters of this message, transaction or batch"
    ),
)
_RANGE: Final = (
    _SUFFIX,
    Parameter(name="FROM", label="From", rule=MOMENT, hint="default: the oldest"),
    Parameter(name="TO", label="To", rule=MOMENT, hint="default: now"),
)
_LOG_LINES: Final = (
    Parameter(name="FROM", label="Log lines from", rule=MOMENT, hint="default: by its id"),
    Parameter(name="TO", label="Log lines to", rule=MOMENT),
)
_APPROVAL_FAILED: Final = (
    "Nothing was decided. Another person may have answered, or a newer run waits: open the "
    "pipeline and read what it waits for now."
)
_ON_BRANCH: Final = (
    Action(
        name="approve",
        title="Approve",
        target="approve",
        subject=Subject.BRANCH,
        parameters=(_BRANCH, _EXECUTION),
        constants={"ANSWER": "yes"},
        says="The pipeline of {BRANCH} goes on to the next stage, with the permissions that are "
        "named above. Run {EXECUTION} is approved, and no other.",
        confirmation=Confirmation.SECOND_CLICK,
        checkbox="I have read what the pipeline waits for.",
        is_on_aws=True,
        is_alone=False,  # `make retry` shows a run that waits for this
        on_failure=_APPROVAL_FAILED,
    ),
    Action(
        name="reject",
        title="Reject",
        target="approve",
        subject=Subject.BRANCH,
        parameters=(_BRANCH, _EXECUTION),
        constants={"ANSWER": "no"},
        says="Run {EXECUTION} of the pipeline of {BRANCH} fails at the approval. The next stage "
        "stays as it is.",
        is_on_aws=True,
        is_alone=False,
        on_failure=_APPROVAL_FAILED,
    ),
    Action(
        name="retry",
        title="Run again",
        target="retry",
        subject=Subject.BRANCH,
        parameters=(_BRANCH,),
        says="The pipeline of {BRANCH} runs the newest commit at the git host again.",
        on_failure="The run failed: the lines above name the error and the log. Push a commit that "
        "corrects it, or run it again.",
    ),
    Action(
        name="sleep",
        title="Put to sleep",
        target="sleep",
        subject=Subject.BRANCH,
        parameters=(_BRANCH,),
        says="The environment of {BRANCH} goes to sleep: no task and no database runs, and its API "
        "does not answer. Data and messages stay. A push or the button to wake it brings it back.",
        confirmation=Confirmation.SECOND_CLICK,
        checkbox="Nobody needs the environment of {BRANCH} now.",
        is_on_aws=True,
    ),
    Action(
        name="wake",
        title="Wake",
        target="wake",
        subject=Subject.BRANCH,
        parameters=(_BRANCH,),
        says="The environment of {BRANCH} wakes: its database and its tasks start.",
        is_on_aws=True,
    ),
    Action(
        name="destroy",
        title="Delete the branch",
        target="destroy",
        subject=Subject.BRANCH,
        parameters=(_BRANCH,),
        constants={"ANSWER": "yes"},
        says="Branch {BRANCH} of the local git host, its environment and its pipeline are deleted, "
        "with all data in them. This cannot be undone. Your checkout keeps the branch.",
        confirmation=Confirmation.TYPED_NAME,
        on_failure="Something may remain: the last lines name it. Run it again.",
    ),
)
_ON_HUB: Final = (
    Action(
        name="reconcile",
        title="Show the hub's plan",
        target="reconcile",
        subject=Subject.HUB,
        parameters=(_HUB,),
        says="The branch hub lists which environments it would create and delete. Nothing changes.",
        is_on_aws=True,
        is_alone=False,
    ),
    Action(
        name="reconcile-apply",
        title="Carry out the hub's plan",
        target="reconcile",
        subject=Subject.HUB,
        parameters=(_HUB,),
        constants={"APPLY": "yes"},
        says="The branch hub creates environments that branches lack, and deletes the environments "
        "of branches that are gone or expired, with all data in them. Show the plan first.",
        confirmation=Confirmation.SECOND_CLICK,
        checkbox="I have read the plan.",
        is_on_aws=True,
    ),
)
_ON_ENVIRONMENT: Final = (
    Action(
        name="dead-letters",
        title="Dead letters",
        target="dead-letters",
        subject=Subject.ENVIRONMENT,
        parameters=_LETTERS[:2],
        says="Lists the dead letters of {SUFFIX}, by reason. Nothing changes.",
        is_on_aws=True,
        is_alone=False,
    ),
    Action(
        name="redrive-plan",
        title="Show what redrive would send",
        target="redrive",
        subject=Subject.ENVIRONMENT,
        parameters=_LETTERS,
        constants={"ANSWER": "no"},
        says="Lists the dead letters of {SUFFIX} that a redrive with these choices would send "
        "back. Nothing changes.",
        is_on_aws=True,
        is_alone=False,
    ),
    Action(
        name="redrive",
        title="Redrive",
        target="redrive",
        subject=Subject.ENVIRONMENT,
        parameters=_LETTERS,
        constants={"ANSWER": "yes"},
        says="Dead letters of {SUFFIX} are sent back to their queue and are handled again. A "
        "letter whose cause is still there comes back.",
        confirmation=Confirmation.SECOND_CLICK,
        checkbox="The cause of these letters is removed.",
        is_on_aws=True,
        on_failure="Nothing is lost: letters that were not sent are where they were. Run it again.",
    ),
    Action(
        name="resend",
        title="Resend batches",
        target="resend",
        subject=Subject.ENVIRONMENT,
        parameters=(_SUFFIX,),
        says="Batches of {SUFFIX} that the audit queue has refused too often are sent again.",
        is_on_aws=True,
    ),
    Action(
        name="trace",
        title="Follow a transaction",
        target="trace",
        subject=Subject.ENVIRONMENT,
        parameters=(
            _SUFFIX,
            Parameter(name="TRANSACTION", label="Transaction", rule=ID, is_needed=True),
            *_LOG_LINES,
        ),
        says="Shows the way of transaction {TRANSACTION} through {SUFFIX}, with its log lines. "
        "Nothing changes.",
        is_on_aws=True,
        is_alone=False,
        on_failure="The lines above say where the transaction has stopped, or what is missing.",
    ),
    Action(
        name="verify-audit",
        title="Verify the audit trail",
        target="verify-audit",
        subject=Subject.ENVIRONMENT,
        parameters=_RANGE,
        says="Compares the ledger of {SUFFIX} with its audit trail. Nothing changes.",
        is_on_aws=True,
        is_alone=False,
        on_failure="The lines above name every discrepancy, or the error that prevented the "
        "comparison: docs/runbooks/audit-discrepancies.md says what to do.",
    ),
    Action(
        name="verify-audit-apply",
        title="Send missing audit records again",
        target="verify-audit",
        subject=Subject.ENVIRONMENT,
        parameters=_RANGE,
        constants={"APPLY": "yes"},
        says="Compares the ledger of {SUFFIX} with its audit trail and sends again what is missing "
        "there. Nothing is deleted.",
        confirmation=Confirmation.SECOND_CLICK,
        checkbox="I have read the result of the verification.",
        is_on_aws=True,
        on_failure="docs/runbooks/audit-discrepancies.md says what to do.",
    ),
)

ACTIONS: Final = {
    action.name: action for action in (*_ON_BRANCH, *_ON_HUB, *_ON_ENVIRONMENT, *DRILLS)
}

# What a target takes from the environment if make does not get it: only what was shown may count.
VARIABLES: Final = frozenset(
    {"AWS", "LIST"}
    | {parameter.name for action in ACTIONS.values() for parameter in action.parameters}
    | {name for action in ACTIONS.values() for name in action.constants}
)


def actions_of(subject: Subject, *, on_aws: bool) -> tuple[Action, ...]:
    """Return the buttons at one kind of subject."""
    return tuple(
        action
        for action in ACTIONS.values()
        if action.subject is subject and action.is_at_home(on_aws=on_aws)
    )
