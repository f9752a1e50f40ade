"""`make engine-version ENGINE_VERSION=15.8`: what AWS can create, for the synth that follows."""

import sys

from pipeline.engine_version import main

if __name__ == "__main__":
    main(sys.argv[1:])
