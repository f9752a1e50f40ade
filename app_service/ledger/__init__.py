"""What a transaction, an account and a verdict are: their fields and rules. No I/O."""
