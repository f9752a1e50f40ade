"""Who calls: clients with their credentials, sessions, failed logins."""
