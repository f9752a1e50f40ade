"""Follows one transaction through an environment: `make trace`."""
