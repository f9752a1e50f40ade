"""`make preflight`: checks an account before the first deployment."""
