"""How long a test waits for what must happen. No test is about this time."""

# Far longer than anything takes on a loaded machine: it is over only if the code is wrong.
PATIENCE_SECONDS = 120
