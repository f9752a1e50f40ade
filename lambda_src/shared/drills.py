"""The names of the drills, the same on AWS and in the local cloud, and where to find them."""

from typing import Final

KILL_TASK: Final = "kill-task"
KILL_DATABASE: Final = "kill-database"
LOSE_ZONE: Final = "lose-zone"
CUT_DATABASE: Final = "cut-database"
DRILLS: Final = (KILL_TASK, KILL_DATABASE, LOSE_ZONE, CUT_DATABASE)

# The stack with the templates of an environment is named so, with its suffix.
FAULTS_STACK: Final = "FaultInjection"
# Tags of a template: FIS gives it an id, and no name.
DRILL_TAG: Final = "drill"
ZONE_TAG: Final = "zone"
