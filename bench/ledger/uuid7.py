"""Ids as a client makes them."""

import random
import time
from uuid import UUID


def uuid7() -> UUID:
    """The time in milliseconds, then random bits (RFC 9562, section 5.7)."""
    number = (int(time.time() * 1000) << 80) | random.getrandbits(80)
    number = (number & ~(0xF << 76)) | (7 << 76)
    return UUID(int=(number & ~(0x3 << 62)) | (0x2 << 62))
