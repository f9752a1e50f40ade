"""S52: what a function logs can be filtered by field, whichever function writes it."""

from tests.infra.function_logs import assert_fields_reach_the_log
from tests.infra.templates import Synthesized


def test_s52_the_fields_of_every_functions_lines_reach_its_log(every: Synthesized) -> None:
    assert_fields_reach_the_log(every)
