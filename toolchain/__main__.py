"""`python -m toolchain`: what `make setup` runs, with any Python from 3.11 on."""

from toolchain.report import fail
from toolchain.setup import main

try:
    main()
except KeyboardInterrupt:
    fail("interrupted; run it again to go on")
