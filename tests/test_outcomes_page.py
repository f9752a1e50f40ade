"""docs/outcomes.md is what subscribers follow: its example and words are those of the code."""

import json
import re
from pathlib import Path

import jsonschema_rs

from infra.outcomes import BUS, DEAD_LETTERS, PROBE_PREFIX, PROBE_QUEUE
from integration_tests.test_outcomes import PREFIX
from lambda_src.transaction_processor.outcome_events import OUTCOME_BYTES_MAX
from lambda_src.transaction_processor.outcomes import DetailType
from lambda_src.transaction_processor.settings import CORRELATION_ID, SOURCE

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "outcomes.md").read_text()
SCHEMA = json.loads((DOCS / "outcomes.schema.json").read_text())


def test_the_example_is_an_event_of_the_schema() -> None:
    [example] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    event = json.loads(example)
    assert event["source"] == SOURCE
    assert event["detail-type"] in set(DetailType)
    jsonschema_rs.validate(SCHEMA, event["detail"])
    [outcome] = event["detail"]["outcomes"]
    assert outcome.keys() == SCHEMA["$defs"]["outcome"]["properties"].keys()


def test_the_page_explains_each_field_and_result_and_detail_type() -> None:
    properties = SCHEMA["$defs"]["outcome"]["properties"]
    fields = PAGE.partition("| field | meaning |")[2].partition("\n\n")[0]
    results = PAGE.partition("| detail type |")[2].partition("\n\n")[0]
    for name in properties:
        assert f"`{name}`" in fields
    for name in (*properties["result"]["enum"], *DetailType):
        assert f"`{name}`" in results


def test_the_page_names_what_is_deployed() -> None:
    for base in (BUS, DEAD_LETTERS, PROBE_QUEUE):
        assert f"`{base}-<suffix>`" in PAGE
    assert f"`{CORRELATION_ID}`" in PAGE
    assert f"{OUTCOME_BYTES_MAX:,} bytes" in PAGE


def test_the_integration_tests_use_the_prefix_of_their_subscription() -> None:
    assert f"`{PROBE_PREFIX}`" in PAGE
    assert PREFIX == PROBE_PREFIX
