"""Ways to break `ledger.post_batch`, as replacements of its text, and what notices each."""

from dataclasses import dataclass
from pathlib import Path

from tests.app_service.model import races
from tests.app_service.model.races import Race

_FILE = Path(__file__).parents[3] / "app_service" / "migrations" / "0005_post_batch.sql"
_BEGINNING = "CREATE FUNCTION ledger.post_batch("


@dataclass(frozen=True)
class Mutant:
    name: str
    replacements: tuple[tuple[str, str], ...]
    noticed_by: Race | None = None  # None: by a case or by random scripts

    def sql(self) -> str:
        """Replaces the function. Raises ValueError if the text to break is not there once."""
        text = _FILE.read_text()
        function = text[text.index(_BEGINNING) :].replace("CREATE", "CREATE OR REPLACE", 1)
        for old, new in self.replacements:
            if function.count(old) != 1:
                raise ValueError(
                    f"mutant '{self.name}': {_FILE.name} must contain this text once, "
                    f"not {function.count(old)} times: {old}"
                )
            function = function.replace(old, new)
        return function


def _mutant(name: str, old: str, new: str = "", noticed_by: Race | None = None) -> Mutant:
    return Mutant(name, ((old, new),), noticed_by)


def _without(name: str, condition: str) -> Mutant:
    """A rule that is never applied."""
    return Mutant(name, ((f"ELSIF {condition}", f"ELSIF false AND ({condition})"),))


NOTHING_BROKEN = Mutant("nothing", ())
MUTANTS = (
    # -- ids and contents
    _mutant("no duplicate check", "is_new[i] := r.old_state IS NULL", "is_new[i] := true"),
    _mutant(
        "duplicate check after the balance check",
        "IF NOT is_new[i] THEN",
        """IF NOT is_new[i] AND (r.kind <> 'transfer' OR acc_may_go_negative[d]
                                  OR acc_balance[d] - acc_held[d] >= amt) THEN""",
    ),
    _mutant("a refusal is answered as a replay", "ELSE r.old_reason END", "ELSE 'replayed' END"),
    _mutant(
        "a refusal is not recorded",
        "b.verdict NOT IN ('invalid', 'conflict', 'forbidden')",
        "b.verdict = 'posted'",
    ),
    _mutant(
        "forbidden is recorded",
        "b.verdict NOT IN ('invalid', 'conflict', 'forbidden')",
        "b.verdict NOT IN ('invalid', 'conflict')",
    ),
    _mutant("the reference is no content", "OR r.old_reference IS DISTINCT FROM r.reference"),
    _mutant("metadata are no content", "OR r.old_metadata IS DISTINCT FROM r.metadata"),
    _mutant("the place in a chain is no content", "(chain[i], place[i], r.linked)",
            "(chain[i], r.old_place, r.old_linked)"),
    _mutant("repeated ids are judged before any is written",
            "has_repeats := ledger.repeats_a_key(p);", "has_repeats := false;"),
    # -- money
    _mutant("one unit too much may be spent", "acc_balance[d] - acc_held[d] < amt THEN",
            "acc_balance[d] - acc_held[d] < amt - 1 THEN"),
    _mutant("the last unit cannot be spent", "acc_balance[d] - acc_held[d] < amt THEN",
            "acc_balance[d] - acc_held[d] <= amt THEN"),
    _mutant("held money may be spent", "acc_balance[d] - acc_held[d] < amt THEN",
            "acc_balance[d] < amt THEN"),
    _mutant("credits pass the limit", "OR r.kind <> 'hold' AND acc_balance[c] > max_balance - amt"),
    _mutant("debits pass the limit", "acc_balance[d] - acc_held[d] < amt - max_balance", "false"),
    _mutant("holds pass the limit", "OR r.kind = 'hold' AND acc_held[d] > max_balance - amt"),
    _mutant("a version is not raised", "acc_version[c] := acc_version[c] + 1;"),
    _mutant("currencies may differ", "OR acc_currency[c] <> money[i]"),
    # -- rights and states
    _mutant("everybody debits every account", "NOT r.is_operator AND", "false AND"),
    _mutant("everybody debits accounts without owner", "(acc_owner[d] = r.client_id) IS NOT TRUE",
            "acc_owner[d] <> r.client_id"),
    _mutant("the owner of the credit account is asked", "(acc_owner[d] = r.client_id)",
            "(acc_owner[c] = r.client_id)"),
    _mutant("frozen accounts are used", "acc_state[d] = 'frozen' OR acc_state[c] = 'frozen'", "false"),
    _mutant("closed accounts are used", "acc_state[d] = 'closed' OR acc_state[c] = 'closed'", "false"),
    _mutant("nothing is released from a frozen account", "ELSIF r.kind IN ('void', 'expiry') THEN",
            "ELSIF r.kind IN ('void', 'expiry') AND acc_state[d] = 'open' THEN"),
    # -- holds and reversals
    _mutant("a capture may be above its hold", "r.kind = 'capture' AND amt > r.target_amount",
            "false"),
    _mutant("a capture may come too late", "OR r.kind = 'capture' AND r.hold_expires_at <= moment"),
    _mutant("a capture may come at the last moment", "r.hold_expires_at <= moment",
            "r.hold_expires_at < moment"),
    _mutant("a hold may expire too early", "OR r.kind = 'expiry' AND r.hold_expires_at > moment"),
    _mutant("a hold may be closed twice", "ELSIF r.hold_state <> 'pending'\n               OR",
            "ELSIF"),
    _mutant("the rest of a hold stays held", "acc_held[d] := acc_held[d] - r.target_amount",
            "acc_held[d] := acc_held[d] - amt"),
    _mutant("a reversal may come twice", "b.kind = 'reversal' AND b.state = 'posted'", "false"),
    _mutant("a void can be reversed", "r.target_kind NOT IN ('transfer', 'capture')", "false"),
    _mutant("a reversal moves in the same direction",
            "debit[i] := CASE r.kind WHEN 'reversal' THEN r.target_credit",
            "debit[i] := CASE r.kind WHEN 'other' THEN r.target_credit"),
    # -- chains
    _mutant("a refused chain is not rolled back", "acc_balance := safe_balance;"),
    _mutant("a refused chain keeps its versions", "acc_version := safe_version;"),
    _mutant("a refused chain keeps its holds", "acc_held := safe_held;"),
    _mutant("a chain is posted in part", "'linked_refused' END;", "NULL END;"),
    _mutant("a chain that is forbidden is recorded",
            "WHEN 'forbidden' = ANY (verdicts) THEN 'forbidden'"),
    _mutant("a chain needs no end", "WHEN r.linked OR has_repeats", "WHEN has_repeats"),
    # -- time
    _mutant("time goes back", "moment := greatest(clock_timestamp(), moment)",
            "moment := clock_timestamp()"),
    _mutant("time is not kept", "last_posted_at = moment", "last_posted_at = a.last_posted_at"),
    _mutant("time is taken before the locks", "greatest(clock_timestamp(), moment)",
            "greatest(statement_timestamp(), moment)", races.the_time_of_posting_is_after_the_locks),
    # -- locks and order
    _mutant("accounts are not locked", "\n               FOR NO KEY UPDATE OF a) a;", ") a;",
            races.calls_that_share_an_account_wait_and_decide_afterwards),
    Mutant(
        "accounts are locked in another order",
        (
            ("FROM (SELECT a.*\n", "FROM (SELECT z.* FROM (SELECT a.*\n"),
            (
                "ORDER BY a.account_id\n               FOR NO KEY UPDATE OF a) a;",
                """ORDER BY a.account_id DESC
                   FOR NO KEY UPDATE OF a) z ORDER BY z.account_id) a;""",
            ),
        ),
        races.accounts_are_locked_in_the_order_of_their_numbers,
    ),
    _mutant("accounts of targets are not locked",
            "ON has_targets AND t.transaction_id = u.target_id,", "ON false,"),
    _mutant("a target posted meanwhile is judged", "IF r.target_state = 'posted' AND (acc_id[d]",
            "IF false AND (acc_id[d]",
            races.a_target_that_is_posted_meanwhile_is_found_in_the_next_try),
    _mutant("transactions are written in the order of the call",
            "ORDER BY 1\n        ), new_entries", "), new_entries",
            races.transfers_with_ids_in_another_order_do_not_deadlock),
    _mutant("holds are written in the order of the call", "ORDER BY 1\n        ), closed_holds",
            "), closed_holds", races.holds_with_ids_in_another_order_do_not_deadlock),
    _mutant("a locked account is waited for without end",
            "greatest(p_lock_wait_ms, 1)::text", "'0'",
            races.an_account_that_stays_locked_is_given_up),
    # -- events
    _mutant("the order of a message is not that of the call", "array_agg(id ORDER BY place)",
            "array_agg(id ORDER BY place DESC)"),
    _mutant("tasks of the version before write events that they do not send",
            "FROM messages WHERE p_to_old_outbox", "FROM messages WHERE false"),
)  # fmt: skip
