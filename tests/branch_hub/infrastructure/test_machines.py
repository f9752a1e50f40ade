"""S8, B3: what no run of a state machine can do, whatever its functions answer or throw."""

import json

import pytest

from branch_hub.infrastructure.create_machine import ASKED_MAX as ADMISSIONS_MAX
from branch_hub.infrastructure.create_machine import LOOK_AGAIN_SECONDS as ADMIT_AGAIN_SECONDS
from branch_hub.infrastructure.deletion import BACK_OFF_SECONDS, SECONDS_MAX
from branch_hub.infrastructure.destroy_machine import ASKED_MAX, STOPS_MAX
from branch_hub.infrastructure.destroy_steps import LOOK_AGAIN_SECONDS
from branch_hub.infrastructure.proof import AGAIN_SECONDS
from tests.branch_hub.infrastructure.asl import Definition
from tests.branch_hub.infrastructure.conftest import CODECOMMIT_HUB
from tests.delivered import Delivered

LAMBDA_ERRORS = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
}
_ENDS = ("Succeed", "Fail")


def test_every_task_tries_again_and_no_error_goes_past_the_machine(machine: Definition) -> None:
    for name, task in machine.tasks().items():
        assert task["Retry"], name
        assert [c["ErrorEquals"] for c in task["Catch"]] == [["States.ALL"]], name


def test_a_function_is_asked_again_when_lambda_was_at_fault(machine: Definition) -> None:
    for name, task in machine.tasks().items():
        if task["Resource"].endswith("lambda:invoke"):
            first = task["Retry"][0]
            assert set(first["ErrorEquals"]) == LAMBDA_ERRORS, name
            assert first["MaxAttempts"] >= 3, name
            assert first["BackoffRate"] > 1, name


def test_a_refusal_is_not_asked_for_again(machine: Definition) -> None:
    """`not ours` does not become ours in ten minutes."""
    for name, task in machine.tasks().items():
        if task["Resource"].endswith("lambda:invoke"):
            order = [r["ErrorEquals"] for r in task["Retry"]]
            refused = task["Retry"][order.index(["NotOurs", "InvalidEvent"])]
            assert refused["MaxAttempts"] == 0, name
            assert order.index(["NotOurs", "InvalidEvent"]) < order.index(
                ["States.TaskFailed", "States.Timeout"]
            ), name


def test_every_way_ends(machine: Definition) -> None:
    ends = {n for n, s in machine.states.items() if s["Type"] in ("Succeed", "Fail")}

    for name in machine.states:
        assert machine.reachable(name) & ends, name


def test_there_is_no_state_that_no_run_comes_to(machine: Definition) -> None:
    assert machine.reachable(machine.start) == set(machine.states)


def test_a_state_reads_only_what_was_written_on_every_way_to_it(machine: Definition) -> None:
    """A path that holds nothing ends a run on the spot, with the lock held."""
    known = machine.known_at()

    for name in machine.states:
        assert machine.paths_of(name) <= known[name], name


def test_b3_a_run_begins_by_asking_what_is_true(create: Definition, destroy: Definition) -> None:
    assert create.next_of(create.start) == create.acting("admit") == {"Admit"}
    assert destroy.next_of(destroy.start) == destroy.acting("claim") == {"Claim"}
    for definition, question in ((create, "Admit"), (destroy, "Claim")):
        assert definition.payload(question)["detail.$"] == "$$.Execution.Input"
        assert definition.payload(question)["execution.$"] == "$$.Execution.Id"


@pytest.mark.parametrize("action", ["stop", "find", "delete", "unblock", "sweep", "forget"])
def test_b2_nothing_is_unmade_that_was_not_claimed(destroy: Definition, action: str) -> None:
    without_claim = destroy.reachable(destroy.start, without=frozenset({"Claim"}))
    unmaking = destroy.states["Decide"]["Choices"][0]

    assert destroy.acting(action)
    assert not destroy.acting(action) & without_claim
    # And of the answers to the claim only one leads there.
    assert (unmaking["Variable"], unmaking["StringEquals"]) == ("$.claim.outcome", "delete")
    others = {c["Next"] for c in destroy.states["Decide"]["Choices"][1:]}
    others.add(destroy.states["Decide"]["Default"])
    for name in others:
        assert not destroy.acting(action) & destroy.reachable(name, without=frozenset({"Claim"}))


def test_s8_no_pipeline_is_deployed_that_was_not_admitted(create: Definition) -> None:
    making = create.states["Decide"]["Choices"][0]

    assert "DeployPipeline" not in create.reachable(create.start, without=frozenset({"Admit"}))
    assert (making["Variable"], making["StringEquals"], making["Next"]) == (
        "$.admission.outcome",
        "create",
        "DeployPipeline",
    )
    assert [n for n in create.states if "DeployPipeline" in create.next_of(n)] == ["Decide"]


def test_runs_are_stopped_before_the_first_stack_goes(destroy: Definition) -> None:
    """One that deploys would make again what is deleted."""
    no_stop = destroy.reachable(destroy.start, without=frozenset({"Stop"}))

    assert destroy.acting("stop") == {"Stop", "Force"}
    assert not (destroy.acting("find") | destroy.acting("delete")) & no_stop
    assert destroy.payload("Stop")["force"] is False
    assert destroy.payload("Force")["force"] is True
    assert destroy.states["StillRunning"]["Default"] == "Force"


def test_b3_only_an_empty_list_of_what_remains_is_forgotten(destroy: Definition) -> None:
    nothing = destroy.states["NothingRemains"]["Choices"][0]

    assert [n for n in destroy.states if "Forget" in destroy.next_of(n)] == ["NothingRemains"]
    assert (nothing["Variable"], nothing["NumericEquals"], nothing["Next"]) == (
        "$.count.remains",
        0,
        "Forget",
    )
    assert destroy.states["CountRemains"]["Parameters"] == {
        "remains.$": "States.ArrayLength($.verification.remains)"
    }
    assert "Forget" not in destroy.reachable(destroy.start, without=frozenset({"Verify"}))
    assert "Deleted" not in destroy.reachable(destroy.start, without=frozenset({"Forget"}))


def test_b3_whoever_sweeps_again_proves_again(destroy: Definition) -> None:
    again = destroy.reachable("VerifyLater", without=frozenset({"NothingRemains"}), errors=False)

    assert destroy.acting("sweep") <= again
    assert destroy.acting("verify") <= again


def test_b3_what_an_earlier_sweep_removed_is_not_forgotten_by_a_later_one(
    destroy: Definition,
) -> None:
    swept = [n for n in destroy.states if "Verify" in destroy.next_of(n, errors=False)]

    assert destroy.states[destroy.start]["Result"]["swept"] == {"removed": []}
    assert destroy.next_of("Sweep", errors=False) == {"BothSweeps"}
    assert destroy.states["BothSweeps"]["Parameters"] == {
        "sweeps.$": "States.Array($.swept, $.sweep)"
    }
    assert destroy.next_of("BothSweeps") == set(swept) == {"AddSweep"}
    assert destroy.states["AddSweep"]["Parameters"] == {"removed.$": "$.both.sweeps[*].removed[*]"}
    assert destroy.states["AddSweep"]["ResultPath"] == "$.swept"
    assert destroy.payload("Forget")["removed.$"] == "$.swept.removed"


def test_a_run_that_holds_the_lock_gives_it_back_on_every_way(
    create: Definition, destroy: Definition
) -> None:
    """After the answer that gives the lock, no end is reached but through whoever returns it."""
    for definition, begins, returns in (
        (create, "DeployPipeline", create.acting("settle")),
        (destroy, "Stop", destroy.acting("forget") | destroy.acting("abandon")),
    ):
        unreturned = definition.reachable(begins, without=frozenset(returns))
        ends = {n for n in unreturned if definition.states[n]["Type"] in ("Succeed", "Fail")}
        assert returns
        assert ends == set()


def test_a_run_that_fails_to_ask_gives_back_what_it_may_have_taken(
    create: Definition, destroy: Definition
) -> None:
    """A function can take the lock and then fail to say so."""
    assert [c["Next"] for c in create.states["Admit"]["Catch"]] == ["SettleFailure"]
    assert [c["Next"] for c in destroy.states["Claim"]["Catch"]] == ["Abandon"]
    assert create.payload("SettleFailure")["succeeded"] is False
    assert create.payload("Settle")["succeeded"] is True


def test_every_red_end_is_told(machine: Definition) -> None:
    notices = {n for n, t in machine.tasks().items() if t["Resource"].endswith("sns:publish")}
    silent = machine.reachable(machine.start, without=frozenset(notices))

    assert {n for n in silent if machine.states[n]["Type"] == "Fail"} == set()
    assert {n for n in machine.states if machine.states[n]["Type"] == "Fail"}


def test_a_deaf_topic_changes_nothing_about_the_end(machine: Definition) -> None:
    for name, task in machine.tasks().items():
        if task["Resource"].endswith("sns:publish"):
            assert [c["Next"] for c in task["Catch"]] == [task["Next"]], name


def test_s8_a_refusal_is_told_and_sets_off_no_alarm(create: Definition) -> None:
    """A quota that does its work is nothing to wake up for: ExecutionsFailed counts red ends."""
    (refused,) = (
        c["Next"] for c in create.states["Decide"]["Choices"] if c.get("StringEquals") == "refused"
    )
    ends = {n for n in create.reachable(refused) if create.states[n]["Type"] in _ENDS}

    assert "$.admission.message" in create.states[refused]["Parameters"]["Message.$"]
    assert {create.states[n]["Type"] for n in ends} == {"Succeed"}


def test_s8_who_waited_an_hour_in_vain_ends_red(create: Definition) -> None:
    """That one is nobody's rule."""
    still = [c["Next"] for c in create.states["Decide"]["Choices"] if "busy" in str(c)]
    ends = {n for n in create.reachable(still[-1]) if create.states[n]["Type"] in _ENDS}

    assert "$.admission.message" in create.states[still[-1]]["Parameters"]["Message.$"]
    assert {create.states[n]["Type"] for n in ends} == {"Fail"}


@pytest.mark.parametrize(
    ("name", "answer", "minutes"), [("create", "admission", 90), ("destroy", "claim", 60)]
)
def test_whoever_finds_it_busy_asks_again_for_so_long_and_then_says_so(
    request: pytest.FixtureRequest, name: str, answer: str, minutes: int
) -> None:
    definition: Definition = request.getfixturevalue(name)
    (busy,) = (c for c in definition.states["Decide"]["Choices"] if "And" in c)
    (asks,) = definition.acting("admit") | definition.acting("claim")
    (limit,) = (c["NumericLessThan"] for c in busy["And"] if "NumericLessThan" in c)

    assert {"Variable": f"$.{answer}.outcome", "StringEquals": "busy"} in busy["And"]
    assert definition.reachable(busy["Next"], without=frozenset({asks})) == {
        "CountAsked",
        "WaitForLock",
    }
    assert limit * definition.states["WaitForLock"]["Seconds"] == minutes * 60
    message = definition.states["NotifyStillBusy"]["Parameters"]["Message.$"]
    assert {60: "for an hour", 90: "for 90 minutes"}[minutes] in message
    assert definition.states[definition.start]["Result"]["asked"] == {"now": 0}


def test_an_hour_of_deleting_is_counted_over_all_stacks(destroy: Definition) -> None:
    """Each wait is added, and nothing but the beginning sets the sum back."""
    setters = {
        name: state["Parameters"]["spent.$"]
        for name, state in destroy.states.items()
        if state.get("ResultPath") == "$.clock"
    }
    in_time = destroy.states["InTime"]

    assert setters == {
        "Spend": "States.MathAdd($.clock.spent, $.clock.pause)",
        "LookAgain": "$.clock.spent",
        "BackOff": "$.clock.spent",
    }
    assert destroy.states["Pause"] == {
        "Type": "Wait",
        "SecondsPath": "$.clock.pause",
        "Next": "Spend",
    }
    assert (in_time["Choices"][0]["Variable"], in_time["Choices"][0]["NumericLessThan"]) == (
        "$.clock.spent",
        3600,
    )
    # Back to another look there is no way but through the clock.
    looks = destroy.reachable("Gone", without=frozenset({"InTime", "MoreStacks"}), errors=False)
    assert "Delete" not in looks
    assert destroy.states["OutOfTime"]["Next"] == "Abandon"


def test_b2_nothing_goes_where_something_named_like_it_must_stay(destroy: Definition) -> None:
    """A stack of someone else, or a protected one: what is swept could be what it needs."""
    (ours,) = destroy.states["AllOurs"]["Choices"]
    stays = destroy.states["AllOurs"]["Default"]
    deleting = destroy.acting("delete") | destroy.acting("unblock") | destroy.acting("sweep")

    assert destroy.next_of("Find", errors=False) == {"CountStacks"}
    assert destroy.next_of("CountStacks") == {"AllOurs"}
    assert destroy.states["CountStacks"]["Parameters"]["refused.$"] == (
        "States.ArrayLength($.found.refused)"
    )
    assert (ours["Variable"], ours["NumericEquals"]) == ("$.count.refused", 0)
    assert "$.found.refused" in json.dumps(destroy.states[stays])
    assert not deleting & destroy.reachable(stays)
    assert destroy.reachable(stays) >= {*destroy.acting("abandon"), "NotifyAbandoned", "NotDeleted"}
    assert not deleting & destroy.reachable(destroy.start, without=frozenset({"AllOurs"}))


def test_what_failed_is_unblocked_and_given_more_time_after_each_failure(
    destroy: Definition,
) -> None:
    (failed,) = (
        c["Next"] for c in destroy.states["Gone"]["Choices"] if c["StringEquals"] == "failed"
    )
    back_off = destroy.states["BackOff"]["Parameters"]
    pauses = destroy.states["Begin"]["Result"]["back_off"]

    assert failed == "Unblock"
    assert destroy.states["Unblock"]["Next"] == "BackOff"
    assert back_off["pause.$"] == "States.ArrayGetItem($.back_off, $.clock.failures)"
    assert back_off["failures.$"] == "States.MathAdd($.clock.failures, 1)"
    assert pauses == sorted(pauses)
    assert (pauses[:3], pauses[-1]) == ([30, 60, 120], 600)
    # There is a next pause for as long as there is time.
    assert sum(pauses[:-1]) >= SECONDS_MAX


def test_the_list_of_verifications_is_as_long_as_there_are(destroy: Definition) -> None:
    again = destroy.states["NothingRemains"]["Choices"][1]

    assert (again["Variable"], again["NumericLessThan"]) == ("$.verified.now", 5)
    assert len(destroy.states["Begin"]["Result"]["verify_again"]) == 5


def test_stacks_go_one_after_the_other_in_the_order_that_was_found(destroy: Definition) -> None:
    more = destroy.states["MoreStacks"]

    assert destroy.states["TakeStack"]["Parameters"] == {
        "name.$": "States.ArrayGetItem($.found.stacks, $.done.now)"
    }
    assert more["Choices"] == [
        {
            "Variable": "$.done.now",
            "NumericLessThanPath": "$.count.stacks",
            "Next": "TakeStack",
        }
    ]
    assert more["Default"] == "Sweep"
    # The next one is taken only when the one before is gone.
    counts = [n for n in destroy.states if "NextStack" in destroy.next_of(n)]
    assert counts == ["Gone"]
    assert destroy.states["Gone"]["Choices"][0] == {
        "Variable": "$.deletion.state",
        "StringEquals": "gone",
        "Next": "NextStack",
    }


def test_deadlines_of_its_own_come_before_the_machines(machine: Definition) -> None:
    """A timed out run gives no lock back and tells nobody."""
    asking = max(ASKED_MAX * LOOK_AGAIN_SECONDS, ADMISSIONS_MAX * ADMIT_AGAIN_SECONDS)
    stopping = STOPS_MAX * LOOK_AGAIN_SECONDS
    deleting = SECONDS_MAX + BACK_OFF_SECONDS[-1]
    proving = sum(AGAIN_SECONDS)

    assert asking + stopping + deleting + proving < machine.timeout_seconds


def test_s8_a_push_waits_longer_than_an_unmaking_takes() -> None:
    unmaking = (
        STOPS_MAX * LOOK_AGAIN_SECONDS + SECONDS_MAX + BACK_OFF_SECONDS[-1] + sum(AGAIN_SECONDS)
    )

    assert unmaking < ADMISSIONS_MAX * ADMIT_AGAIN_SECONDS


def test_b3_whoever_hears_that_it_still_stands_hears_who_tries_again(
    destroy: Definition, across_accounts: Delivered
) -> None:
    """A reconciler that only reports tries nothing again: the notice must not promise it."""
    assert across_accounts.hub is not None
    applying = Definition.of(across_accounts.hub, f"branch-destroy-{CODECOMMIT_HUB}")
    reporting_says, applying_says = (
        definition.states["NotifyAbandoned"]["Parameters"]["Message.$"]
        for definition in (destroy, applying)
    )

    assert "It is not retried: make reconcile shows it" in reporting_says
    assert "The reconciler retries within the hour" in applying_says


def test_s8_the_pipeline_comes_from_the_branch_as_it_is_now(create: Definition) -> None:
    """The whole ref: a name alone could be a tag's, or `pr/7`."""
    parameters = create.states["DeployPipeline"]["Parameters"]

    assert create.states["DeployPipeline"]["Resource"].endswith("codebuild:startBuild.sync")
    assert parameters["SourceVersion.$"] == (
        "States.Format('refs/heads/{}', $$.Execution.Input.branch)"
    )
    assert parameters["EnvironmentVariablesOverride"] == [
        {"Name": "BRANCH", "Type": "PLAINTEXT", "Value.$": "$$.Execution.Input.branch"}
    ]


def test_a_build_that_ran_and_failed_is_not_started_again(create: Definition) -> None:
    errors = {e for r in create.states["DeployPipeline"]["Retry"] for e in r["ErrorEquals"]}

    assert not errors & {"States.ALL", "States.TaskFailed", "States.Timeout"}
    assert all(error.startswith("CodeBuild.") for error in errors)


def test_b3_whoever_hears_that_it_is_gone_hears_of_what(destroy: Definition) -> None:
    message = destroy.states["NotifyDeleted"]["Parameters"]["Message.$"]

    for path in ("$.found.stacks", "$.swept.removed", "$.sweep.kept", "$$.Execution.Input.suffix"):
        assert path in message
    assert "$.verification.remains" in json.dumps(destroy.states["SomethingRemains"])
    assert "$.deletion.blocked_by" in json.dumps(destroy.states["OutOfTime"])


def test_no_subject_is_longer_than_sns_takes(machine: Definition) -> None:
    """Only the suffix goes into it: a branch may be 255 characters long, in any script."""
    for name, task in machine.tasks().items():
        if task["Resource"].endswith("sns:publish"):
            subject = task["Parameters"]["Subject.$"]
            assert subject.count("$") == 2, name
            assert "$$.Execution.Input.suffix" in subject
            assert len(subject) < 100
