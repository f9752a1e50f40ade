"""Random pauses, so that retries of simultaneous failures are spread out."""

import random
import time

uniform = random.SystemRandom().random  # over [0, 1)


def pause_up_to(seconds: float) -> None:
    """Sleep for a random part of `seconds`."""
    time.sleep(uniform() * seconds)
