"""Compares the ledger with the log of what it acknowledged."""

from operations.drills.acknowledgements import Stream


def reconcile(stream: Stream, *, broke_at: float, recovery: str) -> int:
    """Stop the stream and compare the ledger with its log."""
    acknowledged = stream.stop()
    missing = stream.missing(acknowledged)
    balances = stream.balances_minor()
    silence = stream.longest_silence_seconds(since=broke_at)
    wait = stream.longest_wait_seconds(since=broke_at)
    print(recovery)
    print(f"no client was answered for {silence:.1f} s, none waited longer than {wait:.1f} s")
    print(
        f"{len(acknowledged)} acknowledged, {stream.retries} retried, "
        f"{len(missing)} missing, {len(stream.failures)} never answered"
    )
    # Every client retries until it is acknowledged: the last account holds one cent for each.
    is_exact = balances[-1] == len(acknowledged) and sum(balances) == 0
    if missing or stream.failures or not is_exact:
        print(f"FAILED: missing {missing[:5]}, failures {stream.failures[:5]}, {balances}")
        return 1
    print("nothing acknowledged is missing, and the books balance")
    return 0
