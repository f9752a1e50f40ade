"""B8: what a button gives to make is what was shown, and no value can start anything else."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_src.shared.drills import DRILLS
from page.actions import rules
from page.actions.action import Action, Confirmation, Parameter, Subject
from page.actions.registry import ACTIONS, VARIABLES, actions_of
from page.actions.rules import NotAllowed, Rule

ROOT = Path(__file__).parents[3]
MAKEFILE = (ROOT / "Makefile").read_text()
RUN = "5f0c5b4e-1111-4222-8333-444455556666"

# As the recipes of our Makefile use a variable: quoted, behind `if`, and in `call`.
RECIPES = """
SHELL := /bin/bash
VALUE ?=
called = printf '%s\\n' $(if $(filter yes,$(AWS)),aws,"$(1)")
show:
\t@printf '%s\\n' "$(VALUE)" $(if $(VALUE),--value "$(VALUE)")
\t@VALUE="$(VALUE)" printenv VALUE
\t@$(call called,$(VALUE))
"""
VALID = {
    "BRANCH": "feature/a",
    "SUFFIX": "feature-a-0a1b2c",
    "EXECUTION": RUN,
    "HUB": "hub-0a1b2c",
    "QUEUE": "audit",
    "TRANSACTION": RUN,
    "REASON": "refused_by_s3: AccessDenied (403)",
    "ID": RUN,
    "FROM": "2026-11-26T08:00:00Z",
    "TO": "2026-11-26T09:00:00+01:00",
}
RULES = (rules.BRANCH, rules.SUFFIX, rules.ID, rules.REASON, rules.QUEUE, rules.MOMENT)

SEND = Action(
    name="send",
    title="Send",
    target="redrive",
    subject=Subject.ENVIRONMENT,
    parameters=(
        Parameter(name="SUFFIX", label="Environment", rule=rules.SUFFIX, is_needed=True),
        Parameter(name="REASON", label="Reason", rule=rules.REASON),
    ),
    constants={"ANSWER": "yes"},
    says="Letters of {SUFFIX} are sent{REASON}.",
    checkbox="{SUFFIX} is ready.",
    is_on_aws=True,
)


def recipe(target: str) -> str:
    """What the Makefile says of a target: its line and its commands."""
    found = re.search(rf"^{target}:.*\n((\t.*\n)+)", MAKEFILE, flags=re.MULTILINE)
    assert found is not None, f"the Makefile has no target {target}"
    return found.group()


def test_b8_make_gets_what_was_shown() -> None:
    order = SEND.order({"SUFFIX": "main-v4grq1", "REASON": "not sent"}, on_aws=False)
    assert order.arguments == ("redrive", "SUFFIX=main-v4grq1", "REASON=not sent", "ANSWER=yes")
    assert order.command_line == "make redrive SUFFIX=main-v4grq1 'REASON=not sent' ANSWER=yes"
    assert order.says == "Letters of main-v4grq1 are sentnot sent."
    assert order.checkbox == "main-v4grq1 is ready."
    assert order.subject == "main-v4grq1"


def test_b8_an_empty_choice_is_not_given_to_make() -> None:
    order = SEND.order({"SUFFIX": " main-v4grq1 ", "REASON": " "}, on_aws=True)
    assert order.arguments == ("redrive", "SUFFIX=main-v4grq1", "ANSWER=yes", "AWS=yes")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "SUFFIX is empty: it must be the suffix of an environment"),
        ({"SUFFIX": "Main"}, "SUFFIX is 'Main': it must be the suffix of an environment"),
        ({"SUFFIX": "main", "SHELL": "/tmp/x"}, "'SHELL' is no parameter of `make redrive`"),
        ({"SUFFIX": "main", "ANSWER": "no"}, "'ANSWER' is no parameter of `make redrive`"),
    ],
)
def test_b8_a_wrong_value_is_named_with_its_rule(values: dict[str, str], says: str) -> None:
    with pytest.raises(NotAllowed, match=re.escape(says)):
        SEND.order(values, on_aws=False)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "value",
    [
        "$(shell touch pwned)",
        "${HOME}",
        "a$$b",
        "`touch pwned`",
        '"; touch pwned; "',
        "';touch pwned;'",
        "a\\",
        "a\nb",
        "main\n",
        "a;b",
        "a|b",
        "a&b",
        "a<b",
        "a>b",
        "a#b",
        "a*b",
        "a\x00b",
        "--apply",
        "-x",
        "!!",
        "~root",
        "ä",
        "a\u2028b",
        "",
        " ",
        "x" * 300,
    ],
)
def test_b8_no_rule_allows_what_make_or_a_shell_interprets(rule: Rule, value: str) -> None:
    if rule is rules.SUFFIX and value == "x" * 300:
        pytest.skip("long, and harmless: no environment has it")
    with pytest.raises(NotAllowed):
        rule.check(value, name="VALUE")


def test_b8_a_ref_is_no_branch_name() -> None:
    with pytest.raises(NotAllowed, match="BRANCH is 'refs/heads/main'"):
        rules.BRANCH.check("refs/heads/main", name="BRANCH")


@pytest.mark.parametrize("rule", RULES)
def test_b8_what_a_rule_allows_arrives_unchanged_through_real_make(
    rule: Rule, tmp_path: Path
) -> None:
    (tmp_path / "Makefile").write_text(RECIPES)

    @settings(max_examples=12, deadline=None, database=None)
    @given(value=st.from_regex(rule.pattern, fullmatch=True))
    def check(value: str) -> None:
        command = ["make", "-s", "show", f"VALUE={rule.check(value, name='VALUE')}"]
        shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert shown.stdout.splitlines() == [value, "--value", value, value, value]

    check()


def test_b8_the_way_above_shows_a_value_that_make_expands(tmp_path: Path) -> None:
    """Else the test above proves nothing."""
    (tmp_path / "Makefile").write_text(RECIPES)
    command = ["make", "-s", "show", "VALUE=$(shell touch pwned)"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert (tmp_path / "pwned").exists()


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.name)
def test_b8_every_button_has_a_target_that_uses_its_variables(action: Action) -> None:
    used = recipe(action.target)
    for name in {parameter.name for parameter in action.parameters} | action.constants.keys():
        assert f"$({name})" in used, f"`make {action.target}` ignores {name}"
        assert f"\n{name} ?=" in MAKEFILE, f"{name} would be taken from the environment unseen"


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.name)
def test_b8_a_target_takes_nothing_from_the_environment_that_was_not_shown(action: Action) -> None:
    """`make page APPLY=yes` must not let every later verification repair something."""
    used = set(re.findall(r"\$\(([A-Z_]+)\)", recipe(action.target)))
    assert used <= VARIABLES


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.name)
def test_b8_a_button_is_on_aws_if_its_target_says_so(action: Action) -> None:
    assert action.is_on_aws == ("AWS=yes" in recipe(action.target).splitlines()[0])


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.name)
def test_b8_every_button_says_what_happens_to_what(action: Action) -> None:
    given = {p.name: VALID[p.name] for p in action.parameters if p.is_needed}
    order = action.order(given, on_aws=not action.is_local)
    if action.subject is not Subject.HUB:
        assert order.subject in order.says
    assert "{" not in order.says + order.checkbox


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.name)
def test_b8_what_deletes_or_disturbs_asks_for_more_than_a_click(action: Action) -> None:
    is_dangerous = action.constants.get("APPLY") == "yes" or action.target.startswith("drill")
    if is_dangerous:
        assert action.confirmation is Confirmation.SECOND_CLICK
        assert action.checkbox
    if action.target == "destroy":
        assert action.confirmation is Confirmation.TYPED_NAME


def test_b8_on_aws_only_buttons_whose_target_knows_aws_are_shown() -> None:
    local = {action.name for action in actions_of(Subject.BRANCH, on_aws=False)}
    aws = {action.name for action in actions_of(Subject.BRANCH, on_aws=True)}
    assert {"approve", "reject", "retry", "destroy"} <= local
    assert "destroy" not in aws
    with pytest.raises(NotAllowed, match="`make destroy` is a button of the page of the local"):
        ACTIONS["destroy"].order({"BRANCH": "main"}, on_aws=True)


def test_b8_a_drill_on_aws_is_an_experiment_and_none_of_the_local_cloud() -> None:
    aws = {action.name for action in actions_of(Subject.ENVIRONMENT, on_aws=True)}
    local = {action.name for action in actions_of(Subject.ENVIRONMENT, on_aws=False)}
    for drill in DRILLS:
        order = ACTIONS[f"experiment-{drill}"].order({"SUFFIX": "staging"}, on_aws=True)
        assert order.command_line == f"make drill SUFFIX=staging DRILL={drill} AWS=yes"
    assert {name for name in aws if "drill" in name} == set()
    assert {name for name in local if "experiment" in name} == set()
    with pytest.raises(NotAllowed, match="is a button of the page of AWS only"):
        ACTIONS["experiment-kill-task"].order({"SUFFIX": "staging"}, on_aws=False)


def test_b8_a_typed_name_must_be_the_name_of_what_is_deleted() -> None:
    order = ACTIONS["destroy"].order({"BRANCH": "feature/a"}, on_aws=False)
    order.check_confirmation("feature/a")
    with pytest.raises(NotAllowed, match="the typed name is 'feature-a': it must be feature/a"):
        order.check_confirmation("feature-a")


def test_b8_a_box_must_be_checked() -> None:
    order = replace(SEND, confirmation=Confirmation.SECOND_CLICK).order(
        {"SUFFIX": "main-v4grq1"}, on_aws=False
    )
    order.check_confirmation("yes")
    with pytest.raises(NotAllowed, match="the box was not checked"):
        order.check_confirmation("")
