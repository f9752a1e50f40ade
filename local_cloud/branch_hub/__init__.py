"""The deployed branch hub from outside: its webhook is called, its state machines are watched."""
