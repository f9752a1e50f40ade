"""What reads from the ledger: accounts, entries, transactions, pages of them."""
