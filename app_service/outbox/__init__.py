"""The way of posted transactions to the audit queue."""
