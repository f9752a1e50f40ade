"""Measures the ledger beside its own SQL function and, if given, beside another ledger."""
