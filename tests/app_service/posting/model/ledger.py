"""The contract of the ledger (docs/ledger.md) in plain Python: one transaction after another.

It knows nothing of locks, parts and statements. `ModelLedger.post` gives the verdicts of a call and
changes the model; what it then holds is what the tables must hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from tests.app_service.posting.model.documents import LIMIT, OPERATOR, Sent, chains_of

MOVING = ("transfer", "capture", "reversal")
NOT_RECORDED = ("invalid", "conflict", "forbidden")


@dataclass
class ModelAccount:
    currency: str
    may_go_negative: bool = False
    owner: str | None = None
    state: str = "open"
    balance_minor: int = 0
    held_minor: int = 0
    last_posted_at: datetime | None = None
    entries: list[tuple[UUID, int, int]] = field(default_factory=list)  # id, amount, balance after

    @property
    def available_minor(self) -> int:
        return self.balance_minor - self.held_minor

    def move(self, transaction_id: UUID, amount: int) -> None:
        self.balance_minor += amount
        self.entries.append((transaction_id, amount, self.balance_minor))


@dataclass(frozen=True)
class Recorded:
    """A transaction that was posted or refused. Of a refused one: what was sent, of a posted one
    also what followed from its target."""

    sent: Sent
    chain: tuple[UUID, ...]  # all ids of its chain; none if it was sent alone
    reason: str | None  # of a refusal
    debit: int | None
    credit: int | None
    amount: int | None
    currency: str | None
    posted_at: datetime | None  # unknown to the model if no account was locked

    @property
    def kind(self) -> str:
        return self.sent.kind

    @property
    def chain_id(self) -> UUID | None:
        return self.chain[0] if self.chain else None


@dataclass
class ModelHold:
    debit: int
    credit: int
    amount: int
    expires_at: datetime
    state: str = "pending"
    closed_by: UUID | None = None


@dataclass(frozen=True)
class _Meant:
    """A document with what follows from its target."""

    sent: Sent
    debit: int
    credit: int
    amount: int
    currency: str
    hold: ModelHold | None = None


@dataclass
class ModelLedger:
    accounts: dict[int, ModelAccount]
    recorded: dict[UUID, Recorded] = field(default_factory=dict)
    holds: dict[UUID, ModelHold] = field(default_factory=dict)
    outbox: list[UUID] = field(default_factory=list)  # in the order of posting
    old_outbox: list[UUID] = field(default_factory=list)

    def post(self, call: Sequence[Sent]) -> list[str]:
        """The verdicts of one call."""
        moment = self.moment_of(call)
        return [v for chain in chains_of(call) for v in self.post_chain(chain, moment)]

    def post_as_before(self, call: Sequence[Sent]) -> list[str]:
        """The verdicts of a call by a task of the version before, in the words that it knows."""
        known = (
            "posted", "replayed", "conflict", "invalid", "account_not_found", "currency_mismatch",
            "insufficient_funds", "balance_limit",
        )  # fmt: skip
        words = {"account_frozen": "account_not_found", "account_closed": "account_not_found"}
        posted_before = len(self.outbox)
        nobody = [replace(sent, client_id=None, user_id=None) for sent in call]
        verdicts = self.post(nobody)
        self.old_outbox += self.outbox[posted_before:]
        del self.outbox[posted_before:]
        return [v if v in known else words.get(v, "conflict") for v in verdicts]

    def copy(self) -> "ModelLedger":
        return ModelLedger(
            accounts={n: replace(a, entries=[*a.entries]) for n, a in self.accounts.items()},
            recorded=dict(self.recorded),
            holds={i: replace(hold) for i, hold in self.holds.items()},
            outbox=[*self.outbox],
            old_outbox=[*self.old_outbox],
        )

    def change_state(self, account_id: int, state: str) -> bool:
        """Freeze, open again or close an account. False: not allowed."""
        account = self.accounts[account_id]
        if account.state == "closed" and state != "closed":
            return False
        if state == "closed" and (account.balance_minor or account.held_minor):
            return False
        account.state = state
        return True

    def moment_of(self, call: Sequence[Sent]) -> datetime | None:
        """Tests set `last_posted_at` into the future, so that the clock never decides."""
        targets = [self.recorded[s.target_id] for s in call if s.target_id in self.recorded]
        named = {a for s in call for a in (s.debit_account, s.credit_account)}
        named |= {a for target in targets for a in (target.debit, target.credit)}
        locked = [self.accounts[a] for a in named if a in self.accounts]
        moments = [account.last_posted_at for account in locked]
        return max((m for m in moments if m is not None), default=None)

    # -- one chain ----------------------------------------------------------------------------

    def post_chain(self, chain: Sequence[Sent], moment: datetime | None) -> list[str]:
        ids = tuple(sent.transaction_id for sent in chain) if chain[0].linked else ()
        if _is_malformed(chain):
            return ["invalid"] * len(chain)
        known = [sent.transaction_id in self.recorded for sent in chain]
        if any(known):
            again = all(known) and [self._answer_again(sent, ids) for sent in chain]
            return again if again and "conflict" not in again else ["conflict"] * len(chain)
        trial = self.copy()
        verdicts = [trial._judge_and_apply(sent, ids, moment) for sent in chain]
        if set(verdicts) == {"posted"}:
            vars(self).update(vars(trial))
            return verdicts
        if unrecorded := next((v for v in NOT_RECORDED if v in verdicts), None):
            return [unrecorded] * len(chain)
        reasons = ["linked_refused" if v == "posted" else v for v in verdicts]
        for sent, reason in zip(chain, reasons, strict=True):
            self._refuse(sent, ids, reason, moment)
        return reasons

    def _answer_again(self, sent: Sent, ids: tuple[UUID, ...]) -> str:
        first = self.recorded[sent.transaction_id]
        before = first.sent
        if sent.kind == "capture" and first.reason is None:
            # The default amount of a capture is known when it is posted; then both are the same.
            before = replace(before, amount_minor=first.amount)
            sent = replace(sent, amount_minor=sent.amount_minor or self._whole(sent))
        if before.contents != sent.contents or first.chain != ids:
            return "conflict"
        return first.reason or "replayed"

    def _whole(self, capture: Sent) -> int | None:
        hold = self.holds.get(capture.target_id) if capture.target_id else None
        return hold.amount if hold else None

    # -- one transaction ----------------------------------------------------------------------

    def _judge_and_apply(self, sent: Sent, ids: tuple[UUID, ...], moment: datetime | None) -> str:
        meant = self._understand(sent)
        if isinstance(meant, str):
            return meant
        reason = self._why_not(meant, moment)
        if reason is None:
            assert moment is not None
            self._apply(meant, ids, moment)
        return reason or "posted"

    def _understand(self, sent: Sent) -> _Meant | str:  # noqa: PLR0911 - the rules, one by one
        if _is_invalid(sent):
            return "invalid"
        if sent.target_id is None:
            assert sent.debit_account is not None
            assert sent.credit_account is not None
            assert sent.amount_minor is not None
            assert sent.currency is not None
            return _Meant(
                sent, sent.debit_account, sent.credit_account, sent.amount_minor, sent.currency
            )
        target = self.recorded.get(sent.target_id)
        if target is None:
            return "transaction_not_found"
        if sent.kind == "reversal":
            if target.reason is not None or target.kind not in ("transfer", "capture"):
                return "not_reversible"
            assert target.debit is not None
            assert target.credit is not None
            assert target.amount is not None
            return _Meant(sent, target.credit, target.debit, target.amount, target.currency or "")
        hold = self.holds.get(sent.target_id)
        if hold is None:
            return "not_a_hold"
        amount = sent.amount_minor or hold.amount
        return _Meant(sent, hold.debit, hold.credit, amount, target.currency or "", hold)

    def _why_not(  # noqa: PLR0911, PLR0912 - the rules, one by one
        self, meant: _Meant, moment: datetime | None
    ) -> str | None:
        sent, hold = meant.sent, meant.hold
        debit = self.accounts.get(meant.debit)
        credit = self.accounts.get(meant.credit)
        if debit is None or credit is None:
            return "account_not_found"
        assert moment is not None
        # Tasks of the version before have no client and may debit any account.
        if sent.client_id not in (OPERATOR, None, debit.owner):
            return "forbidden"
        if {debit.currency, credit.currency} != {meant.currency}:
            return "currency_mismatch"
        if sent.kind == "reversal" and self._is_reversed(sent.target_id):
            return "already_reversed"
        if hold is not None:
            if hold.state != "pending":
                return "hold_closed"
            if sent.kind == "capture" and moment >= hold.expires_at:
                return "hold_closed"
            if sent.kind == "expiry" and moment < hold.expires_at:
                return "hold_closed"  # not yet
            if sent.kind != "capture":
                return None  # a release is always possible
            if meant.amount > hold.amount:
                return "amount_exceeds_hold"
        states = {debit.state, credit.state}
        if states != {"open"}:
            return "account_closed" if "closed" in states else "account_frozen"
        if hold is None:  # a capture takes what was reserved
            if debit.available_minor < meant.amount and not debit.may_go_negative:
                return "insufficient_funds"
            if debit.available_minor - meant.amount < -LIMIT:
                return "balance_limit"
        if sent.kind == "hold":
            return "balance_limit" if debit.held_minor + meant.amount > LIMIT else None
        return "balance_limit" if credit.balance_minor + meant.amount > LIMIT else None

    def _is_reversed(self, target_id: UUID | None) -> bool:
        return any(
            r.kind == "reversal" and r.reason is None and r.sent.target_id == target_id
            for r in self.recorded.values()
        )

    def _apply(self, meant: _Meant, ids: tuple[UUID, ...], moment: datetime) -> None:
        sent = meant.sent
        debit, credit = self.accounts[meant.debit], self.accounts[meant.credit]
        if sent.kind == "hold":
            debit.held_minor += meant.amount
            self.holds[sent.transaction_id] = ModelHold(
                meant.debit,
                meant.credit,
                meant.amount,
                moment + timedelta(seconds=sent.expires_in_seconds or 0),
            )
        if meant.hold is not None:
            debit.held_minor -= meant.hold.amount
            meant.hold.closed_by = sent.transaction_id
            meant.hold.state = {"capture": "captured", "void": "voided", "expiry": "expired"}[
                sent.kind
            ]
        if sent.kind in MOVING:
            debit.move(sent.transaction_id, -meant.amount)
            credit.move(sent.transaction_id, meant.amount)
            credit.last_posted_at = moment
        debit.last_posted_at = moment
        self.outbox.append(sent.transaction_id)
        self.recorded[sent.transaction_id] = Recorded(
            sent, ids, None, meant.debit, meant.credit, meant.amount, meant.currency, moment
        )

    def _refuse(
        self, sent: Sent, ids: tuple[UUID, ...], reason: str, moment: datetime | None
    ) -> None:
        if sent.kind == "expiry":
            return  # the ledger's own attempt; it tries again
        self.recorded[sent.transaction_id] = Recorded(
            sent, ids, reason, sent.debit_account, sent.credit_account, sent.amount_minor,
            sent.currency, moment,
        )  # fmt: skip


def _is_malformed(chain: Sequence[Sent]) -> bool:
    """It has no end, or names an id or a target twice: such a chain cannot be judged as one."""
    keys = [k for s in chain for k in (s.transaction_id, s.target_id) if k is not None]
    return chain[-1].linked or (len(chain) > 1 and len(keys) > len(set(keys)))


def _is_invalid(sent: Sent) -> bool:
    """Values that the parser of documents lets through to nobody."""
    if sent.amount_minor is not None and sent.amount_minor < 1:
        return True
    money = (sent.debit_account, sent.credit_account, sent.amount_minor, sent.currency)
    if sent.kind in ("transfer", "hold"):
        has_time = sent.expires_in_seconds is not None
        return (
            None in money
            or sent.target_id is not None
            or sent.debit_account == sent.credit_account
            or has_time != (sent.kind == "hold")
        )
    if sent.kind == "expiry" and sent.path != "ledger":
        return True
    absent = money if sent.kind != "capture" else (*money[:2], sent.currency)
    return sent.target_id is None or any(value is not None for value in absent)
