"""Ways to break `ledger.post_transactions_v3`: replacements of its text, and what notices each."""

from dataclasses import dataclass
from pathlib import Path

from tests.app_service.posting.model import races
from tests.app_service.posting.model.races import Race

_FILE = Path(__file__).parents[4] / "app_service" / "migrations" / "0018_trace.sql"
_BEGINNING = "CREATE FUNCTION ledger.post_transactions_v3("
_END = "END $$;"


@dataclass(frozen=True)
class Mutant:
    name: str
    replacements: tuple[tuple[str, str], ...]
    noticed_by: Race | None = None  # None: by a case or by random scripts

    def sql(self) -> str:
        """Replaces the function. Raises ValueError if the text to break is not there once."""
        text = _FILE.read_text()
        function = text[text.index(_BEGINNING) :].replace("CREATE", "CREATE OR REPLACE", 1)
        function = function[: function.index(_END) + len(_END)]
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


_AVAILABLE = "available < amt AND"
_RECORDED = "b.verdict NOT IN ('invalid', 'conflict', 'forbidden')"
_LOCK = "ORDER BY a.account_id\n               FOR NO KEY UPDATE OF a) a;"
_MOMENT = "greatest(clock_timestamp(), max(a.last_posted_at))"
NOTHING_BROKEN = Mutant("nothing", ())

CONTENTS = (
    _mutant("no duplicate check", "IF r.transaction_id = ANY (known_ids) THEN", "IF false THEN"),
    _mutant(
        "duplicate check after the balance check",
        "IF r.transaction_id = ANY (known_ids) THEN",
        """IF r.transaction_id = ANY (known_ids)
           AND (r.kind <> 'transfer' OR acc_may_go_negative[d]
                OR acc_balance[d] - acc_held[d] >= amt) THEN""",
    ),
    _mutant("a refusal is answered as a replay", "ELSE old.reason END", "ELSE 'replayed' END"),
    _mutant("a refusal is not recorded", _RECORDED, "b.verdict = 'posted'"),
    _mutant("forbidden is recorded", _RECORDED, "b.verdict NOT IN ('invalid', 'conflict')"),
    _mutant("the reference is no content", "OR old.reference IS DISTINCT FROM r.reference"),
    _mutant("metadata are no content", "OR old.metadata IS DISTINCT FROM r.metadata"),
    _mutant(
        "the time of a hold is no content",
        "OR old.expires_in_seconds IS DISTINCT FROM r.expires_in_seconds",
    ),
    _mutant(
        "the chain is no content",
        "(chain[i], place[i], r.linked)",
        "(old.chain_id, place[i], r.linked)",
    ),
    _mutant(
        "the place in a chain is no content",
        "(chain[i], place[i], r.linked)",
        "(chain[i], old.chain_place, r.linked)",
    ),
    _mutant(
        "the end of a chain is no content",
        "(chain[i], place[i], r.linked)",
        "(chain[i], place[i], old.linked)",
    ),
    _mutant("the parts of a batch are sent again with the next part", "posted_ids := NULL;"),
    _mutant("the parts of a batch keep the chain of the part before", "chain      := NULL;"),
    _mutant(
        "repeated ids are judged before any is written",
        "has_repeats := cardinality(ids || targets) >",
        "has_repeats := false AND cardinality(ids || targets) >",
    ),
)
MONEY = (
    _mutant("one unit too much may be spent", _AVAILABLE, _AVAILABLE.replace("amt", "amt - 1")),
    _mutant("the last unit cannot be spent", _AVAILABLE, _AVAILABLE.replace("<", "<=")),
    _mutant(
        "held money may be spent",
        "available := acc_balance[d] - acc_held[d]",
        "available := acc_balance[d]",
    ),
    _mutant("credits pass the limit", "OR r.kind <> 'hold' AND acc_balance[c] > max_balance - amt"),
    _mutant("debits pass the limit", "available < amt - max_balance", "false"),
    _mutant("holds pass the limit", "OR r.kind = 'hold' AND acc_held[d] > max_balance - amt"),
    _mutant("a version is not raised", "acc_version[c] := acc_version[c] + 1;"),
    _mutant("currencies may differ", "OR acc_currency[c] <> unit"),
)
RIGHTS_AND_STATES = (
    _mutant("everybody debits every account", "NOT r.is_operator AND", "false AND"),
    _mutant(
        "everybody debits accounts without owner",
        "(acc_owner[d] = r.client_id) IS NOT TRUE",
        "acc_owner[d] <> r.client_id",
    ),
    _mutant(
        "the owner of the credit account is asked",
        "(acc_owner[d] = r.client_id)",
        "(acc_owner[c] = r.client_id)",
    ),
    _mutant("frozen accounts are used", "ELSE 'account_frozen' END", "END"),
    _mutant(
        "frozen accounts are credited",
        "ELSE 'account_frozen' END",
        "WHEN acc_state[d] = 'frozen' THEN 'account_frozen' END",
    ),
    _mutant(
        "closed accounts are used", "acc_state[d] = 'closed' OR acc_state[c] = 'closed'", "false"
    ),
    _mutant(
        "nothing is released from a frozen account",
        "WHEN r.kind IN ('void', 'expiry')\n",
        "WHEN r.kind IN ('void', 'expiry') AND acc_state[d] = 'open'\n",
    ),
)
HOLDS_AND_REVERSALS = (
    _mutant("a capture may be above its hold", "amt > hold.amount_minor", "false"),
    _mutant("a capture may come too late", "OR r.kind = 'capture' AND hold.expires_at <= moment"),
    _mutant("a capture may come at the last moment", "expires_at <= moment", "expires_at < moment"),
    _mutant("a hold may expire too early", "OR r.kind = 'expiry' AND hold.expires_at > moment"),
    _mutant("every client may let a hold expire", "OR r.kind = 'expiry' AND r.path <> 'ledger'"),
    _mutant("a hold may be closed twice", "hold.state <> 'pending'", "false"),
    _mutant(
        "the rest of a hold stays held",
        "ELSE -hold.amount_minor END",
        "ELSE -amt END",
    ),
    _mutant("a reversal may come twice", "r.kind = 'reversal' AND is_reversed[i]", "false"),
    _mutant("everything can be reversed", "target.kind NOT IN ('transfer', 'capture')", "false"),
    _mutant(
        "a reversal moves in the same direction",
        "debit_id := CASE r.kind WHEN 'reversal'",
        "debit_id := CASE r.kind WHEN 'another'",
    ),
)
CHAINS = (
    _mutant("a refused chain is not rolled back", "acc_balance := safe_balance;"),
    _mutant("a refused chain keeps its versions", "acc_version := safe_version;"),
    _mutant("a refused chain keeps its holds", "acc_held := safe_held;"),
    _mutant("a refused chain is sent", "posted_ids := safe_ids;"),
    _mutant("a chain is posted in part", "'linked_refused' END;", "NULL END;"),
    _mutant(
        "a chain that is forbidden is recorded",
        "WHEN 'forbidden' = ANY (verdicts) THEN 'forbidden'",
    ),
    _mutant("a refused chain keeps its numbers of entries", "debit_version[k] := NULL;"),
    _mutant("a refused chain keeps what follows from its targets", "amount[k] := NULL;"),
    _mutant("a chain needs no end", "WHEN r.linked OR has_repeats", "WHEN has_repeats"),
)
TIME = (
    _mutant("time goes back", _MOMENT, "clock_timestamp()"),
    _mutant("time is not kept", "last_posted_at = moment", "last_posted_at = a.last_posted_at"),
    _mutant(
        "time is not kept where what is held stays the same",
        "old_held[d] := NULL;",
    ),
    _mutant(
        "time is taken before the locks",
        _MOMENT,
        "greatest(statement_timestamp(), max(a.last_posted_at))",
        races.the_time_of_posting_is_after_the_locks,
    ),
)
LOCKS_AND_ORDER = (
    _mutant(
        "accounts are not locked",
        _LOCK,
        "ORDER BY a.account_id) a;",
        races.calls_that_share_an_account_wait_and_decide_afterwards,
    ),
    Mutant(
        "accounts are locked in another order",
        (
            ("FROM (SELECT a.*\n", "FROM (SELECT z.* FROM (SELECT a.*\n"),
            (
                _LOCK,
                """ORDER BY a.account_id DESC
                   FOR NO KEY UPDATE OF a) z ORDER BY z.account_id) a;""",
            ),
        ),
        races.accounts_are_locked_in_the_order_of_their_numbers,
    ),
    _mutant(
        "accounts of targets are not locked",
        "SELECT ends || array_agg(t.debit_account) || array_agg(t.credit_account) INTO",
        "SELECT ends INTO",
    ),
    _mutant(
        "a target posted meanwhile is judged",
        "IF r.target_id IS NOT NULL AND target.state = 'posted'",
        "IF false AND target.state = 'posted'",
        races.a_target_that_is_posted_meanwhile_is_found_in_the_next_try,
    ),
    _mutant(
        "transactions are written in the order of the call",
        "ORDER BY b.transaction_id;",
        ";",
        races.transfers_with_ids_in_another_order_do_not_deadlock,
    ),
    _mutant(
        "a locked account is waited for without end",
        "greatest(p_lock_wait_ms, 1)::text",
        "'0'",
        races.an_account_that_stays_locked_is_given_up,
    ),
)
EVENTS = (
    _mutant(
        "the order of a message is not that of the call",
        "posted_ids := posted_ids || r.transaction_id",
        "posted_ids := r.transaction_id || posted_ids",
    ),
    _mutant(
        "tasks of the version before write messages that they do not send",
        "IF p_to_old_outbox THEN",
        "IF false THEN",
    ),
)
MUTANTS = (
    *CONTENTS,
    *MONEY,
    *RIGHTS_AND_STATES,
    *HOLDS_AND_REVERSALS,
    *CHAINS,
    *TIME,
    *LOCKS_AND_ORDER,
    *EVENTS,
)
