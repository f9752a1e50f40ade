"""Installs `.venv` and `node_modules` from the lock files, and writes the lock files.

`python -m toolchain` (`make setup`) runs before anything is installed: it imports only the standard
library.
"""
