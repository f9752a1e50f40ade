"""One soak: load under faults, then the end without them, then the account of everything."""

import itertools
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lambda_src.audit_verifier.report import Checked
from soak.accounting import account_for, broken_promises
from soak.api_client import ApiClient
from soak.aws_resources import AUDIT_QUEUE, BUCKET, OUTCOME_QUEUE, TRANSACTION_QUEUE
from soak.dead_letters import dead_letters
from soak.draining import Stuck, in_queue, wait_until_empty
from soak.history import History
from soak.ledger_contents import broken_rules, recorded_transactions
from soak.outcome_events import read_outcome_events, wrong_outcome_events
from soak.outside_log import OutsideLog
from soak.plan import Fault, Faults, Plan
from soak.problems import Problem
from soak.sabotage import Break, Sabotage
from soak.sender import Sender
from soak.system import System, running_system, running_threads
from soak.trail import verify_trail

_API_CLIENTS: Final = 3
_SENDERS: Final = 2
# A batch whose taking got no answer is leased for 30 s; a message whose receive got none is hidden
# for 20 s; a relay that failed again and again pauses for 30 s.
DRAIN_SECONDS: Final = 150.0


@dataclass(frozen=True, kw_only=True)
class Soak:
    seed: int
    seconds: float
    has_faults: bool = True
    breaks: Sequence[Break] = ()


@dataclass(frozen=True, kw_only=True)
class Result:
    calls: Counter[str]
    faults: Counter[tuple[str, Fault]]
    messages: Counter[tuple[str, str]]  # by kind and outcome
    acknowledged: Counter[str]  # answers of the API to transactions, by verdict
    transactions: int  # in the ledger
    checked: Checked  # by the verification
    problems: Sequence[Problem]
    history: History


def run(soak: Soak, folder: Path) -> Result:
    """`folder` gets logs and data."""
    faults = Faults()
    sabotage = Sabotage(soak.breaks)
    log = OutsideLog()
    problems: list[Problem] = []
    with running_system(
        folder, seed=soak.seed, faults=faults, sabotage=sabotage, log=log
    ) as system:
        clients = [
            ApiClient(
                port=system.api_port, seed=soak.seed, numbers=itertools.count(n, _API_CLIENTS)
            )
            for n in range(_API_CLIENTS)
        ]
        clients[0].open_accounts()
        history = History(log=log, faults=faults, database=system.database)
        if soak.has_faults:
            faults.on(Plan(seed=soak.seed))
        with running_threads(history.run):
            _load(soak, system, clients, log, faults)
            history.notes_the_end_of_faults()
            try:
                wait_until_empty(system.waiting, seconds=DRAIN_SECONDS)
            except Stuck as error:
                problems.append(Problem(what="stuck", subject=str(error)))
        problems += [Problem(what="not broken, as asked", subject=e) for e in sabotage.not_done]
        return _result(system, log, faults, problems, history)


def _load(
    soak: Soak, system: System, clients: Sequence[ApiClient], log: OutsideLog, faults: Faults
) -> None:
    """For the given time; then the faults end, and what was begun is answered."""
    url = system.queue_url(TRANSACTION_QUEUE.name)
    senders = [
        Sender(
            sqs=system.aws.sqs,
            queue_url=url,
            seed=soak.seed,
            numbers=itertools.count(n, _SENDERS),
            log=log,
            backlog=lambda: sum(in_queue(system.emulator.aws.sqs, url).values()),
        )
        for n in range(_SENDERS)
    ]
    works = [*(sender.run for sender in senders), *(client.runs(log) for client in clients)]
    with running_threads(*works):
        threading.Event().wait(soak.seconds)
        faults.off()


def _result(
    system: System, log: OutsideLog, faults: Faults, problems: list[Problem], history: History
) -> Result:
    with system.database.connection() as connection:
        recorded = recorded_transactions(connection)
        problems += broken_rules(connection)
    sqs, s3 = system.emulator.aws.sqs, system.emulator.aws.s3
    with system.database.auditor() as connection:
        checked, discrepancies = verify_trail(connection, s3, BUCKET)
    dead = dead_letters(sqs, system.queue_url(TRANSACTION_QUEUE.dead_letters))
    dead_batches = dead_letters(sqs, system.queue_url(AUDIT_QUEUE.dead_letters))
    events = read_outcome_events(sqs, system.queue_url(OUTCOME_QUEUE))
    account = account_for(log.messages, recorded=recorded, dead=dead)
    problems += [
        *account.problems,
        *log.problems,
        *broken_promises(log.answers, recorded=recorded),
        *wrong_outcome_events(account.outcomes, events),
        *discrepancies,
        *(
            Problem(what=f"a batch is a dead letter: {batch.reason}", subject=batch.body[:120])
            for batch in dead_batches
        ),
    ]
    calls, applied = faults.counts()
    return Result(
        calls=calls,
        faults=applied,
        messages=account.counts(),
        acknowledged=Counter(answer.status for answer in log.answers),
        transactions=len(recorded),
        checked=checked,
        problems=problems,
        history=history,
    )
