"""Connections of the database: pools, failover, session settings, error codes."""
