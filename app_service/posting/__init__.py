"""What writes in the ledger: postings in common calls, accounts, expiry of holds."""
