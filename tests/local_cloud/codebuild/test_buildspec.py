"""Parsing of buildspecs."""

import pytest

from local_cloud.codebuild.buildspec import ArtifactRule, BuildspecError, parse_buildspec

FULL = """
version: 0.2
env:
  shell: bash
  variables: {A: 1.10, ON: yes}
  parameter-store: {P: /path}
  secrets-manager: {S: "secret:key"}
  exported-variables: [A]
phases:
  build:
    on-failure: CONTINUE
    commands:
      - echo one
      - |
        echo two
        echo three
    finally: [echo last]
  install:
    runtime-versions: {python: 3.12}
    commands: echo alone
artifacts:
  base-directory: out
  files: "**/*"
  exclude-paths: [secret/*]
  discard-paths: yes
  secondary-artifacts:
    Second: {files: [a, b]}
reports: {group: {files: ["*"]}}
cache: {paths: [x]}
"""


def test_every_part_is_parsed_and_phases_are_in_codebuilds_order() -> None:
    spec = parse_buildspec(FULL)
    assert [phase.name for phase in spec.phases] == ["install", "build"]
    assert spec.phases[0].commands == ("echo alone",)
    assert spec.phases[1].commands == ("echo one", "echo two\necho three\n")
    assert spec.phases[1].finally_commands == ("echo last",)
    assert spec.phases[1].continues_on_failure
    assert spec.variables == {"A": "1.10", "ON": "yes"}
    assert (spec.parameter_store, spec.secrets_manager) == ({"P": "/path"}, {"S": "secret:key"})
    assert spec.exported_variables == ("A",)
    assert spec.runtime_versions == {"python": "3.12"}
    assert spec.artifacts == ArtifactRule(
        base_directory="out", files=("**/*",), exclude=("secret/*",), discard_paths=True
    )
    assert spec.secondary_artifacts["Second"] == ArtifactRule(base_directory=".", files=("a", "b"))
    assert spec.recorded_only == ("reports", "cache")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "neither JSON nor YAML"),
        ("just text", "buildspec must be a mapping, got str"),
        ('{"version": "0.1", "phases": {}}', "version must be 0.2, got '0.1'"),
        ('{"version": "0.2"}', "phases must be a mapping"),
        ('{"version": "0.2", "phases": {"deploy": {}}}', r"\['deploy'\] are not phases"),
        (
            '{"version": "0.2", "phases": {"build": {"commands": {"a": 1}}}}',
            "phases.build.commands must",
        ),
        ('{"version": "0.2", "phases": {"build": {"on-failure": "RETRY"}}}', "ABORT or CONTINUE"),
        ('{"version": "0.2", "phases": {}, "artifacts": {"files": []}}', "at least one pattern"),
    ],
)
def test_a_wrong_buildspec_names_field_and_rule(text: str, message: str) -> None:
    with pytest.raises(BuildspecError, match=message):
        parse_buildspec(text)
