"""The contract of the ledger in plain Python, and what must hold in its tables."""

from tests.app_service.posting.model.soundness import assert_sound, outbox_ids

__all__ = ["assert_sound", "outbox_ids"]
