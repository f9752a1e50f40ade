"""B13: the `taskCapacity` key, and the builds of images for another architecture."""

import pytest

from infra.config import EPHEMERAL, PRODUCTION, STAGING
from infra.errors import ConfigurationError
from infra.task_capacity import CpuArchitecture, TaskCapacity
from pipeline.delivery_settings import DeliverySettings
from pipeline.task_capacity import parse_task_capacity, to_json
from tests.delivered import Delivered
from tests.pipeline.settings_values import DEFAULTS, read

BOTH = {"ephemeral": {"cpuArchitecture": "ARM64", "fargateSpot": True}}
CAPACITY = TaskCapacity(cpu_architecture=CpuArchitecture.ARM64, fargate_spot=True)


@pytest.fixture(scope="module")
def on_graviton(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    return Delivered.synthesize(
        tmp_path_factory.mktemp("graviton") / "cdk.out", branch="feature/x", taskCapacity=BOTH
    )


def test_b13_only_environments_of_branches_get_the_capacity() -> None:
    place = read(taskCapacity=BOTH)

    assert place.adjust(EPHEMERAL).service.capacity == CAPACITY
    for promoted in (STAGING, PRODUCTION):
        assert place.adjust(promoted).service.capacity == TaskCapacity()


@pytest.mark.parametrize("value", [None, "", {}, "{}"])
def test_b13_without_the_key_nothing_changes(value: object) -> None:
    assert parse_task_capacity(value) == {}


def test_b13_a_missing_field_has_its_default() -> None:
    assert parse_task_capacity({"ephemeral": {"fargateSpot": True}}) == {
        "ephemeral": TaskCapacity(fargate_spot=True)
    }


def test_b13_the_key_is_unchanged_after_writing_and_reading() -> None:
    by_kind = {"ephemeral": CAPACITY}

    assert parse_task_capacity(to_json(by_kind)) == by_kind


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("arm", "taskCapacity is 'arm': it must be a JSON object"),
        (
            {"production": {"fargateSpot": True}},
            "taskCapacity has 'production': it may have ephemeral",
        ),
        ({"ephemeral": "ARM64"}, "taskCapacity.ephemeral is 'ARM64': it must be a JSON object"),
        (
            {"ephemeral": {"spot": True}},
            "taskCapacity.ephemeral.spot is not known: it must be one of cpuArchitecture, "
            "fargateSpot",
        ),
        (
            {"ephemeral": {"cpuArchitecture": "arm64"}},
            "taskCapacity.ephemeral.cpuArchitecture is 'arm64': it must be X86_64 or ARM64",
        ),
        ({"ephemeral": {"cpuArchitecture": ["ARM64"]}}, "it must be X86_64 or ARM64"),
        (
            {"ephemeral": {"fargateSpot": "yes"}},
            "taskCapacity.ephemeral.fargateSpot is 'yes': it must be true or false",
        ),
    ],
)
def test_b13_a_wrong_value_is_named_with_its_field_and_the_rule(
    value: object, complaint: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(taskCapacity=value)

    assert complaint in str(refused.value)


def test_b13_a_value_from_the_command_line_stays_with_the_pipeline() -> None:
    delivery = read(branch="feature/x", taskCapacity=BOTH)

    assert read(**delivery.context()).task_capacity == {"ephemeral": CAPACITY}


def test_b13_a_push_can_change_what_its_cdk_json_says() -> None:
    """A value of cdk.json is not passed on: it would be used instead of the next commit's."""
    said = {**DEFAULTS, "taskCapacity": {"ephemeral": {"fargateSpot": True}}}

    delivery = DeliverySettings.from_context(said.get, defaults=said)

    assert delivery.task_capacity == {"ephemeral": TaskCapacity(fargate_spot=True)}
    assert "taskCapacity" not in delivery.context()


def test_b13_images_for_graviton_are_built_on_graviton(on_graviton: Delivered) -> None:
    environment = on_graviton.project("Assets", "DockerAssets")["Environment"]

    assert environment["Type"] == "ARM_CONTAINER"
    assert environment["Image"] == "aws/codebuild/amazonlinux-aarch64-standard:3.0"
    assert environment["PrivilegedMode"] is True


@pytest.mark.parametrize(("stage", "name"), [("Build", "Synth"), ("UpdatePipeline", "SelfMutate")])
def test_b13_a_build_without_images_stays_on_x86(
    on_graviton: Delivered, stage: str, name: str
) -> None:
    assert on_graviton.project(stage, name)["Environment"]["Type"] == "LINUX_CONTAINER"


def test_b13_the_trunks_images_are_built_on_x86_for_promoted_environments() -> None:
    assert read(taskCapacity=BOTH).image_architecture == CpuArchitecture.X86_64
    assert (
        read(taskCapacity=BOTH, promotion="environment").image_architecture == CpuArchitecture.ARM64
    )
