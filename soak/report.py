"""What a soak has done, in plain lines."""

from collections import Counter
from collections.abc import Iterator

from soak.run import Result, Soak

_SUBJECTS_MAX = 3


def repeat_command(soak: Soak) -> str:
    breaks = f" BREAK={','.join(soak.breaks)}" if soak.breaks else ""
    return f"make soak SECONDS={soak.seconds:g} SEED={soak.seed}{breaks}"


def report(result: Result) -> str:
    return "\n".join([*_faults(result), *_messages(result), *_ledger(result), *_end(result)])


def _faults(result: Result) -> Iterator[str]:
    yield "faults, of the calls of each kind:"
    for kind, calls in sorted(result.calls.items()):
        found = {f: n for (k, f), n in sorted(result.faults.items()) if k == kind}
        kinds = ", ".join(f"{count} {fault}" for fault, count in found.items()) or "none"
        yield f"  {kind}: {sum(found.values())} of {calls} ({kinds})"


def _messages(result: Result) -> Iterator[str]:
    yield "messages in the queue, by outcome:"
    kinds = sorted({kind for kind, _ in result.messages})
    for kind in kinds:
        found = {o: n for (k, o), n in sorted(result.messages.items()) if k == kind}
        yield f"  {kind}: " + ", ".join(f"{count} {outcome}" for outcome, count in found.items())
    yield f"  together: {_listed(_totals(result.messages))}"
    yield f"answers of the API to transactions: {_listed(result.acknowledged)}"


def _ledger(result: Result) -> Iterator[str]:
    checked = result.checked
    yield (
        f"{result.transactions} transactions in the ledger; verified:"
        f" {checked.transactions} posted, {checked.batches} batches, {checked.objects} objects"
    )


def _end(result: Result) -> Iterator[str]:
    counts = Counter(problem.what for problem in result.problems)
    for what, count in counts.items():
        some = [problem.subject for problem in result.problems if problem.what == what]
        more = ", ..." if count > _SUBJECTS_MAX else ""
        yield f"problem, {count} times: {what}: {'; '.join(some[:_SUBJECTS_MAX])}{more}"
    yield f"NOT consistent: {len(result.problems)} problems" if result.problems else "consistent"


def _totals(messages: Counter[tuple[str, str]]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for (_, outcome), count in messages.items():
        totals[outcome] += count
    return totals


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
