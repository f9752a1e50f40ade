"""Draws every picture of `bench/results/` again, from the records beside them.

python -m bench.pictures
"""

import sys
from typing import Any, Final

from bench.pictures.branches import BRANCHES
from bench.pictures.delivery import DELIVERY
from bench.pictures.drain import DRAIN
from bench.pictures.growth import GROWTH
from bench.pictures.index_cost import INDEX_COST
from bench.pictures.ledger import LEDGER
from bench.pictures.memory import MEMORY
from bench.pictures.processor import PROCESSOR
from bench.pictures.record import RESULTS, Picture, RecordBroken
from operations.drills import plot

PICTURES: Final[tuple[Picture[Any], ...]] = (
    LEDGER, PROCESSOR, MEMORY, DRAIN, GROWTH, DELIVERY, BRANCHES, INDEX_COST
)  # fmt: skip


def main() -> int:
    try:
        for picture in PICTURES:
            picture.draw()
    except RecordBroken as error:
        print(error, file=sys.stderr)
        return 1
    return plot.main([str(file) for file in sorted((RESULTS / "drills").glob("*.json"))])


if __name__ == "__main__":
    sys.exit(main())
