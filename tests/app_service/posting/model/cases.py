"""The edges of the contract, one after another: what random numbers meet rarely.

Each function shows one promise in a world of its own, in which the model and the ledger agree.
Accounts 1 and 5 may go negative; ann owns 1 and 2, bob owns 3 and 5, nobody owns 4; 6 is in euros.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from tests.app_service.posting.model import documents
from tests.app_service.posting.model.documents import LIMIT, OPERATOR, Sent
from tests.app_service.posting.model.scripts import accounts
from tests.app_service.posting.model.world import World


@dataclass(frozen=True)
class Case:
    """A world, with its session and its small numbers."""

    world: World
    session: Any

    def transfer(self, n: int, debit: int, credit: int, amount: int = 10, **more: Any) -> Sent:
        return documents.transfer(*self._money(n, debit, credit), amount, **more)

    def hold(self, n: int, debit: int, credit: int, amount: int = 10, **more: Any) -> Sent:
        return documents.hold(*self._money(n, debit, credit), amount, **more)

    def _money(self, n: int, debit: int, credit: int) -> tuple[UUID, int, int]:
        return self.id(n), self.world.account(debit), self.world.account(credit)

    def about(self, n: int, kind: str, target: int, amount: int | None = None, **more: Any) -> Sent:
        return documents.about(self.id(n), kind, self.id(target), amount, **more)

    def id(self, n: int) -> UUID:
        return self.world.id(n)

    async def post(self, *call: Sent) -> Sequence[str]:
        return await self.world.post(self.session, call)

    async def advance(self, seconds: int) -> None:
        await self.world.advance(self.session, seconds)

    async def set_state(self, account: int, state: str) -> None:
        await self.world.change_state(self.session, self.world.account(account), state)


async def the_last_unit_can_be_spent_and_no_more(case: Case) -> None:
    assert await case.post(case.transfer(1, 1, 2, 60)) == ["posted"]
    assert await case.post(case.transfer(2, 2, 3, 61)) == ["insufficient_funds"]
    assert await case.post(case.transfer(3, 2, 3, 60)) == ["posted"]


async def held_money_is_not_available(case: Case) -> None:
    assert await case.post(case.transfer(1, 1, 2, 60), case.hold(2, 2, 3, 50)) == ["posted"] * 2
    assert await case.post(case.transfer(3, 2, 3, 11)) == ["insufficient_funds"]
    assert await case.post(case.hold(4, 2, 3, 11)) == ["insufficient_funds"]
    assert await case.post(case.transfer(5, 2, 3, 10)) == ["posted"]


async def a_refusal_stays(case: Case) -> None:
    spend = case.transfer(1, 2, 3)
    assert await case.post(spend) == ["insufficient_funds"]
    assert await case.post(case.transfer(2, 1, 2)) == ["posted"]
    assert await case.post(spend) == ["insufficient_funds"]
    assert await case.post(replace(spend, amount_minor=9)) == ["conflict"]
    assert await case.post(replace(spend, transaction_id=case.id(3))) == ["posted"]


async def a_replay_is_answered_when_the_money_is_gone(case: Case) -> None:
    spend = case.transfer(2, 2, 3)
    assert await case.post(case.transfer(1, 1, 2), spend) == ["posted", "posted"]
    assert await case.post(spend) == ["replayed"]


async def every_field_of_the_client_is_contents_and_the_actor_is_not(case: Case) -> None:
    sent = replace(case.transfer(1, 1, 2), reference="order", metadata='{"a": [1, null], "b": 2}')
    assert await case.post(sent) == ["posted"]
    assert await case.post(replace(sent, reference=None)) == ["conflict"]
    assert await case.post(replace(sent, reference="other")) == ["conflict"]
    assert await case.post(replace(sent, metadata='{"a": [1], "b": 2}')) == ["conflict"]
    assert await case.post(replace(sent, metadata='{"b": 2, "a": [1, null]}')) == ["replayed"]
    assert await case.post(replace(sent, client_id="bob", path="queue")) == ["replayed"]
    assert await case.post(replace(sent, kind="hold", expires_in_seconds=9)) == ["conflict"]
    assert await case.post(case.hold(2, 1, 2, seconds=9)) == ["posted"]
    assert await case.post(case.hold(2, 1, 2, seconds=10)) == ["conflict"]


async def only_the_owner_and_operators_debit_an_account(case: Case) -> None:
    assert await case.post(case.transfer(1, 1, 3, client="bob")) == ["forbidden"]
    assert await case.post(case.transfer(1, 1, 3, client="ann")) == ["posted"]
    assert await case.post(case.transfer(2, 3, 1, client="ann")) == ["forbidden"]
    assert await case.post(case.transfer(3, 1, 4, client="ann")) == ["posted"]
    assert await case.post(case.transfer(4, 4, 1, client="ann")) == ["forbidden"]
    assert await case.post(case.transfer(4, 4, 1, client=OPERATOR)) == ["posted"]
    # A reversal debits who was credited; a capture and a void debit who was held.
    assert await case.post(case.about(5, "reversal", 1, client="ann")) == ["forbidden"]
    assert await case.post(case.about(5, "reversal", 1, client="bob")) == ["posted"]
    assert await case.post(*[case.hold(n, 1, 3, client="ann") for n in (6, 7)]) == ["posted"] * 2
    assert await case.post(case.about(8, "capture", 6, client="bob")) == ["forbidden"]
    assert await case.post(case.about(8, "capture", 6, client="ann")) == ["posted"]
    assert await case.post(case.about(9, "void", 7, client="bob")) == ["forbidden"]
    assert await case.post(case.about(9, "void", 7, client="ann")) == ["posted"]


async def frozen_and_closed_accounts_only_release(case: Case) -> None:
    await case.post(case.hold(1, 1, 2), case.hold(2, 1, 2), case.hold(3, 1, 2, seconds=5))
    await case.set_state(5, "closed")
    for account, reason in ((1, "account_frozen"), (2, "account_frozen")):
        await case.set_state(account, "frozen")
        assert await case.post(case.transfer(10 * account, 1, 2)) == [reason]
        assert await case.post(case.hold(10 * account + 1, 1, 2)) == [reason]
        assert await case.post(case.about(10 * account + 2, "capture", 1)) == [reason]
        if account == 1:
            await case.set_state(account, "open")
    await case.set_state(1, "frozen")
    assert await case.post(case.about(30, "void", 2)) == ["posted"]
    await case.advance(5)
    assert await case.post(case.about(31, "expiry", 3)) == ["posted"]
    assert await case.post(case.transfer(32, 5, 3), case.transfer(33, 3, 5)) == [
        "account_closed", "account_closed",
    ]  # fmt: skip
    await case.set_state(5, "open")  # it stays closed
    assert await case.post(case.transfer(34, 5, 3)) == ["account_closed"]


async def a_capture_posts_whole_or_part_and_releases_the_rest(case: Case) -> None:
    await case.post(*[case.hold(n, 1, 2) for n in (1, 2, 3, 4)])
    assert await case.post(case.about(10, "capture", 1)) == ["posted"]
    assert await case.post(case.about(11, "capture", 2, 4)) == ["posted"]
    assert await case.post(case.about(12, "capture", 3, 11)) == ["amount_exceeds_hold"]
    assert await case.post(case.about(13, "capture", 3, 10)) == ["posted"]
    assert await case.post(case.about(14, "capture", 1)) == ["hold_closed"]
    assert await case.post(case.about(15, "void", 2)) == ["hold_closed"]
    # The default amount is the whole hold, and then the same contents.
    assert await case.post(case.about(10, "capture", 1, 10)) == ["replayed"]
    assert await case.post(case.about(13, "capture", 3)) == ["replayed"]
    assert await case.post(case.about(11, "capture", 2)) == ["conflict"]
    assert await case.post(case.about(16, "void", 4)) == ["posted"]
    assert await case.post(case.about(17, "capture", 4)) == ["hold_closed"]


async def a_hold_ends_at_its_moment(case: Case) -> None:
    await case.post(*[case.hold(n, 1, 2, seconds=10) for n in (1, 2, 3)])
    await case.advance(9)
    assert await case.post(case.about(10, "expiry", 1)) == ["hold_closed"]  # not yet
    assert await case.post(case.about(11, "capture", 1)) == ["posted"]
    await case.advance(1)
    assert await case.post(case.about(12, "capture", 2)) == ["hold_closed"]
    assert await case.post(case.about(10, "expiry", 2)) == ["posted"]
    assert await case.post(case.about(13, "void", 2)) == ["hold_closed"]
    assert await case.post(case.about(14, "void", 3)) == ["posted"]  # nobody has released it yet


async def only_the_ledger_lets_holds_expire(case: Case) -> None:
    await case.post(case.hold(1, 1, 2, seconds=1))
    await case.advance(1)
    assert await case.post(replace(case.about(2, "expiry", 1), path="api")) == ["invalid"]


async def transfers_and_captures_can_be_reversed_once(case: Case) -> None:
    await case.post(case.transfer(1, 1, 2), case.hold(2, 1, 2), case.hold(3, 1, 2))
    await case.post(case.about(4, "capture", 2), case.about(5, "void", 3), case.transfer(6, 3, 1))
    assert await case.post(case.about(10, "reversal", 1)) == ["posted"]
    assert await case.post(case.about(10, "reversal", 1)) == ["replayed"]
    assert await case.post(case.about(11, "reversal", 1)) == ["already_reversed"]
    assert await case.post(case.about(12, "reversal", 4)) == ["posted"]
    for n, target in enumerate((2, 5, 6, 10), start=20):  # hold, void, refused, reversal
        assert await case.post(case.about(n, "reversal", target)) == ["not_reversible"]
    assert await case.post(case.about(30, "reversal", 99)) == ["transaction_not_found"]
    assert await case.post(case.about(31, "capture", 1)) == ["not_a_hold"]


async def money_that_was_spent_is_not_given_back(case: Case) -> None:
    await case.post(case.transfer(1, 1, 2), case.transfer(2, 2, 3))
    assert await case.post(case.about(3, "reversal", 1)) == ["insufficient_funds"]


async def a_chain_posts_whole_or_not_at_all(case: Case) -> None:
    legs = [
        case.transfer(1, 1, 2, linked=True),
        case.hold(2, 1, 2, linked=True),
        case.transfer(3, 3, 2, 1),
    ]
    refused = ["linked_refused", "linked_refused", "insufficient_funds"]
    assert await case.post(case.transfer(4, 1, 2, 5), *legs, case.transfer(5, 2, 1, 5)) == [
        "posted", *refused, "posted",
    ]  # fmt: skip
    assert await case.post(case.transfer(6, 1, 3)) == ["posted"]
    assert await case.post(*legs) == refused
    # A later leg may spend what an earlier one brings.
    new = [case.transfer(7, 1, 2, 30, linked=True), case.transfer(8, 2, 3, 30)]
    assert await case.post(*new) == ["posted", "posted"]
    assert await case.post(*new) == ["replayed", "replayed"]


async def outside_of_its_chain_an_id_is_a_conflict(case: Case) -> None:
    for first in (1, 11):
        last = case.transfer(first + 3, 1 if first == 1 else 3, 2)
        chain = [case.transfer(first + n, 1, 2, linked=True) for n in range(3)] + [last]
        verdicts = await case.post(*chain)
        expected = ["posted"] * 4 if first == 1 else ["linked_refused"] * 3 + ["insufficient_funds"]
        assert verdicts == expected
        other_ends = [replace(sent, linked=False) for sent in chain]
        assert await case.post(other_ends[0]) == ["conflict"]
        assert await case.post(chain[0], other_ends[1]) == ["conflict"] * 2
        assert await case.post(chain[0], chain[1], last) == ["conflict"] * 3
        assert await case.post(chain[1], chain[0], chain[2], last) == ["conflict"] * 4
        longer = [*chain[:3], replace(last, linked=True), case.transfer(first + 4, 1, 2)]
        assert await case.post(*longer) == ["conflict"] * 5
        other = [*chain[:3], replace(last, reference="other")]
        assert await case.post(*other) == ["conflict"] * 4
        again = ["replayed"] * 4 if first == 1 else expected
        assert await case.post(*chain) == again


async def an_id_of_another_chain_is_a_conflict(case: Case) -> None:
    one, other = ([case.transfer(n, 1, 2, linked=True), case.transfer(n + 1, 1, 2)] for n in (1, 3))
    assert await case.post(*one, *other) == ["posted"] * 4
    assert await case.post(one[0], other[1]) == ["conflict"] * 2
    assert await case.post(one[0], case.transfer(5, 1, 2)) == ["conflict"] * 2
    assert await case.post(case.transfer(5, 1, 2, linked=True), one[1]) == ["conflict"] * 2


async def a_chain_that_is_not_allowed_is_not_recorded(case: Case) -> None:
    """Rights may change; then the whole chain can be posted."""
    chain = [
        case.transfer(1, 1, 2, linked=True, client="ann"),
        case.transfer(2, 3, 2, 70, linked=True, client="ann"),
        case.transfer(3, 1, 3, client="ann"),
    ]
    await case.post(case.transfer(4, 1, 3, 70))
    assert await case.post(*chain) == ["forbidden"] * 3
    assert await case.post(*[replace(sent, client_id=OPERATOR) for sent in chain]) == ["posted"] * 3


async def a_chain_with_a_mistake_is_not_recorded(case: Case) -> None:
    first, zero = case.transfer(1, 1, 2, linked=True), case.transfer(2, 1, 2, 0)
    assert await case.post(first, zero) == ["invalid"] * 2
    assert await case.post(case.transfer(3, 1, 2), first) == ["posted", "invalid"]  # no end
    twice = [first, case.hold(4, 1, 2, linked=True), case.about(5, "capture", 4)]
    assert await case.post(*twice) == ["invalid"] * 3
    assert await case.post(first, replace(zero, amount_minor=1)) == ["posted"] * 2


async def debits_stop_at_the_limit(case: Case) -> None:
    assert await case.post(case.transfer(1, 5, 1, LIMIT)) == ["posted"]
    assert await case.post(case.transfer(2, 5, 2, 1)) == ["balance_limit"]


async def credits_stop_at_the_limit(case: Case) -> None:
    assert await case.post(case.transfer(1, 5, 2, LIMIT)) == ["posted"]
    assert await case.post(case.transfer(2, 1, 2, 1)) == ["balance_limit"]
    assert await case.post(case.hold(3, 1, 2, 1)) == ["posted"]
    assert await case.post(case.about(4, "capture", 3)) == ["balance_limit"]
    assert await case.post(case.about(5, "void", 3)) == ["posted"]


async def holds_stop_at_the_limit(case: Case) -> None:
    assert await case.post(case.transfer(1, 5, 1, LIMIT)) == ["posted"]
    assert await case.post(case.hold(2, 1, 2, LIMIT)) == ["posted"]
    assert await case.post(case.hold(3, 1, 2, 1)) == ["balance_limit"]  # the sum of what is held
    assert await case.post(case.transfer(4, 1, 2, 5)) == ["posted"]
    assert await case.post(case.about(5, "void", 2), case.hold(6, 1, 2, LIMIT)) == ["posted"] * 2
    assert await case.post(case.transfer(7, 1, 3, LIMIT - 5)) == ["posted"]
    assert await case.post(case.transfer(8, 1, 3, 1)) == ["balance_limit"]  # what is available


async def currencies_do_not_mix(case: Case) -> None:
    for n, (debit, credit, currency) in enumerate(
        ((1, 6, "USD"), (6, 1, "EUR"), (1, 2, "EUR"), (6, 1, "USD"))
    ):
        sent = case.transfer(n, debit, credit, currency=currency)
        assert await case.post(sent) == ["currency_mismatch"]


async def accounts_that_do_not_exist_are_named_first(case: Case) -> None:
    assert await case.post(case.transfer(1, 1, 7), case.transfer(2, 7, 1)) == [
        "account_not_found", "account_not_found",
    ]  # fmt: skip
    assert await case.post(case.transfer(3, 1, 1), case.transfer(4, 1, 2, 0)) == ["invalid"] * 2


async def a_transaction_sees_those_before_it_in_its_call(case: Case) -> None:
    one = case.transfer(1, 1, 2)
    assert await case.post(
        one, one, replace(one, amount_minor=9), case.about(2, "reversal", 1),
        case.about(3, "reversal", 1), case.hold(4, 1, 2), case.about(5, "capture", 4, 3),
        case.about(6, "void", 4), case.about(7, "reversal", 5),
    ) == [
        "posted", "replayed", "conflict", "posted", "already_reversed", "posted", "posted",
        "hold_closed", "posted",
    ]  # fmt: skip


async def tasks_of_the_version_before_go_on(case: Case) -> None:
    """They send the outbox that they know, and get words that they know."""
    before = partial(case.world.post_as_before, case.session)
    one, poor = case.transfer(1, 1, 2), case.transfer(2, 3, 2, 99)
    assert await before([one, poor, one]) == ["posted", "insufficient_funds", "replayed"]
    assert await case.post(one, poor) == ["replayed", "insufficient_funds"]
    assert await case.post(case.hold(3, 1, 2), replace(one, reference="new")) == [
        "posted", "conflict",
    ]  # fmt: skip
    await case.set_state(4, "frozen")
    frozen = case.transfer(4, 1, 4)
    assert await before([frozen, case.transfer(3, 1, 2)]) == ["account_not_found", "conflict"]
    assert await case.post(frozen) == ["account_frozen"]


async def time_is_that_of_the_latest_account(case: Case) -> None:
    """All transactions of a call have one time, and no account's goes back."""
    await case.world.advance(case.session, 50, case.world.account(3))
    assert await case.post(case.transfer(1, 1, 2), case.transfer(2, 1, 3)) == ["posted", "posted"]
    assert await case.post(case.transfer(3, 1, 4)) == ["posted"]


async def a_release_and_a_hold_of_the_same_amount_have_a_time_too(case: Case) -> None:
    """What is held stays the same, and the time of the account does not."""
    assert await case.post(case.hold(1, 1, 2)) == ["posted"]
    await case.world.advance(case.session, 50, case.world.account(3))
    assert await case.post(case.about(2, "void", 1), case.hold(3, 1, 3)) == ["posted", "posted"]
    assert await case.post(case.transfer(4, 1, 2)) == ["posted"]


CASES: tuple[Callable[[Case], Awaitable[None]], ...] = (
    the_last_unit_can_be_spent_and_no_more,
    held_money_is_not_available,
    a_refusal_stays,
    a_replay_is_answered_when_the_money_is_gone,
    every_field_of_the_client_is_contents_and_the_actor_is_not,
    only_the_owner_and_operators_debit_an_account,
    frozen_and_closed_accounts_only_release,
    a_capture_posts_whole_or_part_and_releases_the_rest,
    a_hold_ends_at_its_moment,
    only_the_ledger_lets_holds_expire,
    transfers_and_captures_can_be_reversed_once,
    money_that_was_spent_is_not_given_back,
    a_chain_posts_whole_or_not_at_all,
    outside_of_its_chain_an_id_is_a_conflict,
    an_id_of_another_chain_is_a_conflict,
    a_chain_that_is_not_allowed_is_not_recorded,
    a_chain_with_a_mistake_is_not_recorded,
    debits_stop_at_the_limit,
    credits_stop_at_the_limit,
    holds_stop_at_the_limit,
    currencies_do_not_mix,
    accounts_that_do_not_exist_are_named_first,
    a_transaction_sees_those_before_it_in_its_call,
    tasks_of_the_version_before_go_on,
    time_is_that_of_the_latest_account,
    a_release_and_a_hold_of_the_same_amount_have_a_time_too,
)


async def run_case(session: Any, case: Callable[[Case], Awaitable[None]]) -> None:
    await case(Case(await World.open(session, accounts()), session))
