"""The two kinds of ids that clients choose."""

import os
import time
from enum import StrEnum
from uuid import UUID, uuid4


class Ids(StrEnum):
    V7 = "v7"  # begins with the time in milliseconds: new ids lie beside each other in an index
    V4 = "v4"  # random: each lies anywhere


def new_id(ids: Ids) -> UUID:
    return uuid4() if ids is Ids.V4 else _uuid7()


def _uuid7() -> UUID:
    """RFC 9562, section 5.7. Python has it from 3.14 on."""
    random = int.from_bytes(os.urandom(10)) & ~(0xF << 76 | 0b11 << 62)
    return UUID(int=time.time_ns() // 1_000_000 << 80 | 7 << 76 | 0b10 << 62 | random)
