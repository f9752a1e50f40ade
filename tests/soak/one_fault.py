"""A plan that gives every call the same fault."""

from dataclasses import dataclass

from soak.plan import Decision, Fault, FaultMix, Faults, Plan


@dataclass(frozen=True, kw_only=True)
class Always(Plan):
    fault: Fault
    seed: int = 0

    def decide(self, kind: str, number: int, mix: FaultMix) -> Decision:
        return Decision(fault=self.fault, share=0.5)


def always(fault: Fault | None) -> Faults:
    """None: no fault."""
    faults = Faults()
    if fault is not None:
        faults.on(Always(fault=fault))
    return faults
