"""What tasks and processors of the version before ask of the database during a rolling deployment.

The SQL is that of commit 97fbfbc, whose schema ends with 0003_roles.sql. It never changes.
"""

from collections.abc import Sequence
from uuid import UUID

from pg8000.native import Connection

LAST_MIGRATION = "0003_roles.sql"

_SIGNATURE = "ledger.post_transactions(uuid[], bigint[], bigint[], bigint[], text[])"
_COLUMNS = "transaction_id, debit_account, credit_account, amount_minor, currency"


class VersionBefore:
    """One task: a session with the service's login, or the processor's for `post` alone."""

    def __init__(self, session: Connection) -> None:
        self._session = session

    def is_ready(self) -> bool:
        [[found]] = self._session.run("SELECT to_regprocedure(:s)", s=_SIGNATURE)
        return found is not None

    def open_account(self, account_id: int, *, may_go_negative: bool = False) -> None:
        self._session.run(
            "INSERT INTO ledger.accounts (account_id, currency, may_go_negative)"
            " VALUES (:id, 'USD', :negative) ON CONFLICT (account_id) DO NOTHING",
            id=account_id,
            negative=may_go_negative,
        )

    def balance(self, account_id: int) -> int:
        [row] = self._session.run(
            "SELECT account_id, currency, may_go_negative, balance_minor, version"
            " FROM ledger.accounts WHERE account_id = :id",
            id=account_id,
        )
        return int(row[3])

    def post(self, ids: Sequence[UUID], *, debit: int, credit: int, amount: int = 1) -> list[str]:
        rows = self._session.run(
            "SELECT status FROM ledger.post_transactions(CAST(:i AS uuid[]), CAST(:d AS bigint[]),"
            " CAST(:c AS bigint[]), CAST(:a AS bigint[]), CAST(:m AS text[])) ORDER BY ordinal",
            i=[*ids],
            d=[debit for _ in ids],
            c=[credit for _ in ids],
            a=[amount for _ in ids],
            m=["USD" for _ in ids],
        )
        return [status for (status,) in rows]

    def reads(self, transaction_id: UUID) -> bool:
        rows = self._session.run(
            f"SELECT {_COLUMNS}, posted_at FROM ledger.transactions WHERE transaction_id = :id",
            id=transaction_id,
        )
        return len(rows) == 1

    def entries(self, account_id: int) -> int:
        return len(
            self._session.run(
                "SELECT e.account_version AS version, e.transaction_id, e.amount_minor,"
                " e.balance_after_minor, t.posted_at FROM ledger.entries e"
                " JOIN ledger.transactions t USING (transaction_id)"
                " WHERE e.account_id = :id AND e.account_version < :before"
                " ORDER BY e.account_version DESC LIMIT :limit",
                id=account_id,
                before=2**53,
                limit=100,
            )
        )

    def relay(self) -> list[UUID]:
        """The ids of the transactions whose messages it has sent."""
        self._session.run("START TRANSACTION")
        rows = self._session.run(
            "SELECT outbox_id, batch_id, transaction_ids, created_at"
            " FROM ledger.outbox ORDER BY outbox_id LIMIT :n FOR UPDATE SKIP LOCKED",
            n=100,
        )
        ids = [transaction_id for row in rows for transaction_id in row[2]]
        self._session.run(
            f"SELECT {_COLUMNS}, posted_at FROM ledger.transactions"
            " WHERE transaction_id = ANY (CAST(:ids AS uuid[]))",
            ids=ids,
        )
        self._session.run(
            "DELETE FROM ledger.outbox WHERE outbox_id = ANY (CAST(:ids AS bigint[]))",
            ids=[row[0] for row in rows],
        )
        self._session.run("COMMIT")
        return ids

    def waiting(self) -> int:
        [[batches, _]] = self._session.run(
            "SELECT (SELECT count(*) FROM (SELECT FROM ledger.outbox LIMIT :n) AS first_ones),"
            " coalesce(extract(epoch FROM clock_timestamp() - (SELECT created_at FROM ledger.outbox"
            " ORDER BY outbox_id LIMIT 1)), 0)::float8",
            n=10_000,
        )
        return int(batches)
