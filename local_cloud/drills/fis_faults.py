"""Carries out the actions of FIS that our templates have, with the faults of the local drills.

A minute of an experiment is ten seconds here, as the waits of state machines are shorter, too.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import psutil

from local_cloud.drills.cut_off import database_cut_off
from local_cloud.drills.rehearsal import Facts, Scene, kill_with_children
from local_cloud.server import CloudError
from local_cloud.zones import Zones

_SECONDS_OF_A_MINUTE: Final = 10.0
_ONE: Final = "COUNT(1)"
_ISOLATED: Final = ("aws-cdk:subnet-name", "isolated")

Target = Mapping[str, Any]  # in the words of CloudFormation
Fault = contextlib.AbstractContextManager[None]


class NoTarget(Exception):
    """There is nothing that the action could act on."""


def seconds_of(parameters: Mapping[str, str]) -> float:
    """How long an action lasts here. Raises CloudError for a form that our templates lack."""
    duration = parameters.get("duration")
    if duration is None:
        return 0.0
    minutes = re.fullmatch(r"PT([0-9]+)M", duration)
    if minutes is None:
        raise CloudError(f"the local cloud knows durations like PT5M, and not {duration}")
    return int(minutes[1]) * _SECONDS_OF_A_MINUTE


def fault(scene: Scene, action: str, target: Target) -> Fault:
    """The fault lasts until the end of the `with` block, if the action has a duration.

    Raises NoTarget, and CloudError for an action that is not known here.
    """
    if action == "aws:ecs:stop-task":
        return _tasks_killed(scene, target)
    if action == "aws:rds:failover-db-cluster":
        return _writer_killed(scene, target)
    if action == "aws:network:disrupt-connectivity":
        zone = target.get("Parameters", {}).get("availabilityZoneIdentifier")
        if zone is not None:
            return _zone_lost(scene, zone)
        if _ISOLATED in target.get("ResourceTags", {}).items():
            return database_cut_off(scene)
    raise CloudError(f"the local cloud does not carry out {action} on {dict(target)}")


@contextlib.contextmanager
def _tasks_killed(scene: Scene, target: Target) -> Iterator[None]:
    zones = {zone for f in target.get("Filters", []) for zone in f["Values"]}
    tasks = [t for t in scene.healthy_tasks() if not zones or t["zone"] in zones]
    if not tasks:
        # Of a zone that another action has just emptied.
        if zones & Zones(scene.paths.lost_zones).lost():
            yield
            return
        raise NoTarget
    _kill(*(tasks[:1] if target["SelectionMode"] == _ONE else tasks))
    yield


@contextlib.contextmanager
def _writer_killed(scene: Scene, target: Target) -> Iterator[None]:
    zone = target.get("Parameters", {}).get("writerAvailabilityZoneIdentifiers")
    writer = scene.writer()
    if zone not in (None, writer["zone"]):
        raise NoTarget
    # A zone without power has killed it already.
    if writer["zone"] not in Zones(scene.paths.lost_zones).lost():
        _kill(writer)
    yield


@contextlib.contextmanager
def _zone_lost(scene: Scene, zone: str) -> Iterator[None]:
    zones = Zones(scene.paths.lost_zones)
    zones.lose(zone)
    try:
        _kill(*(f for f in (*scene.healthy_tasks(), *scene.databases()) if f["zone"] == zone))
        yield
    finally:
        zones.bring_back(zone)


def _kill(*victims: Facts) -> None:
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            kill_with_children(victim["pid"])
