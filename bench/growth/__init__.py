"""Whether posting stays as fast when the ledger grows."""
