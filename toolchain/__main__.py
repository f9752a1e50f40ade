"""`python -m toolchain`: what `make setup` runs, with any Python from 3.11 on."""

import sys

from toolchain.report import say
from toolchain.setup import main

try:
    main()
except KeyboardInterrupt:
    say("interrupted; run it again to continue")
    sys.exit(130)
