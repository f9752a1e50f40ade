"""The plan of faults is a function of the seed, the kind of the call and its number."""

import pytest

from soak.plan import AWS, CONNECTION, INVOCATION, Decision, FaultMix, Faults, Plan

CALLS = range(2000)


def decided(seed: int, mix: FaultMix = AWS, kind: str = "SQS SendMessage") -> list[Decision | None]:
    return [Plan(seed=seed).decide(kind, number, mix) for number in CALLS]


def test_the_same_seed_gives_the_same_faults() -> None:
    assert decided(1) == decided(1)


def test_another_seed_or_another_kind_of_call_gets_other_faults() -> None:
    assert decided(1) != decided(2)
    assert decided(1) != decided(1, kind="S3 PutObject")


@pytest.mark.parametrize("mix", [AWS, CONNECTION, INVOCATION])
def test_every_fault_of_a_mix_comes_and_most_calls_have_none(mix: FaultMix) -> None:
    found = decided(1, mix)
    assert {decision.fault for decision in found if decision} == mix.weights.keys()
    assert found.count(None) > len(CALLS) / 2


def test_calls_are_numbered_while_faults_are_on() -> None:
    """Calls of the set-up, of which the number depends on the machine, shift nothing."""
    faults = Faults()
    before = [faults.next("a kind", AWS) for _ in range(7)]
    faults.on(Plan(seed=1))
    during = [faults.next("a kind", AWS) for _ in CALLS]
    faults.off()
    assert before == [None] * 7
    assert during == decided(1, kind="a kind")
    assert [faults.next("a kind", AWS) for _ in CALLS] == [None] * len(CALLS)
    assert faults.counts()[0] == {"a kind": len(CALLS)}
