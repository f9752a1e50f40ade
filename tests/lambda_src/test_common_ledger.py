"""What a test changes in the structure of the common ledger does not reach the next test."""

import pytest

from tests.lambda_src.cluster import Cluster
from tests.lambda_src.common_ledger import CommonLedger

CHANGES = {
    "function": "ALTER FUNCTION ledger.refuse_change RENAME TO refuse",
    "sequence": "CREATE SEQUENCE ledger.failures",
    "column": "ALTER TABLE ledger.accounts ADD COLUMN more int",
    "constraint": "ALTER TABLE ledger.accounts ADD CHECK (account_id < 100)",
    "trigger": "ALTER TABLE ledger.entries DISABLE TRIGGER append_only",
    "grant": "GRANT UPDATE ON ledger.entries TO ledger_service",
}


def test_a_ledger_with_other_rows_is_used_again(common_ledger: CommonLedger) -> None:
    assert common_ledger.emptied() == common_ledger.emptied()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_ledger_with_another_structure_is_replaced(
    cluster: Cluster, common_ledger: CommonLedger, change: str
) -> None:
    changed = common_ledger.emptied()
    with cluster.session(changed) as master:
        master.run(change)

    assert common_ledger.emptied() != changed
