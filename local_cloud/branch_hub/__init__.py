"""Calls the deployed branch hub's webhook and follows its state machines."""
