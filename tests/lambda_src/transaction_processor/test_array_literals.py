"""S40: PostgreSQL reads from an array's text exactly the values that were given."""

from uuid import UUID

import pytest

from lambda_src.transaction_processor.array_literals import array_literal
from tests.lambda_src.cluster import Cluster


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", []),
        ("text", ["plain", "", " ", "NULL", "null", None]),
        ("text", ['{"a": [1, "b,c"]}', "{}", "a,b", '"', '""', "\\", '\\"', "\\\\", "'", "a\nb\t"]),
        ("text", ["é", "\U0001f600", "\u2028", "\x7f"]),
        ("bigint", [1, 2**53 - 1, None, -5]),
        ("boolean", [True, False, None]),
        ("uuid", [UUID(int=7), None]),
    ],
)
def test_postgresql_reads_the_same_values(
    cluster: Cluster, kind: str, values: list[object]
) -> None:
    rows = cluster.master.run(
        f"SELECT e FROM unnest(CAST(:literal AS {kind}[])) WITH ORDINALITY AS u(e, place)"
        " ORDER BY place",
        literal=array_literal(values),
    )
    assert [value for (value,) in rows] == values
