"""Publishes events of AWS services: PutEvents refuses `aws.` sources."""

import json
from collections.abc import Mapping
from typing import Any


def publish(
    detail_type: str, detail: Mapping[str, Any], resources: list[str], *, source: str
) -> None:
    """Put one event of an AWS service on the default bus."""
    from ministack.services import eventbridge  # noqa: PLC0415

    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": resources,
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
