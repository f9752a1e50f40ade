"""Tags that MiniStack's CloudFormation leaves behind, and the tagging API then still shows."""


def forget_table_tags(name: str) -> None:
    """Of a table that is about to be deleted."""
    from ministack.services import dynamodb  # noqa: PLC0415

    table = dynamodb._tables.get(name)
    if table is not None:
        dynamodb._tags.pop(table["TableArn"], None)
