"""Makes `.venv` and `node_modules` from the lock files, and makes the lock files.

`python -m toolchain` (`make setup`) runs before anything is installed: standard library only.
"""
