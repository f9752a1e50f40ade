"""The local image builder reads the project's Dockerfile, and refuses what it does not know."""

import pytest

from local_cloud.images.dockerfile import Copy, DockerfileError, Stage, read_dockerfile
from local_cloud.paths import ROOT


def test_the_last_stage_is_the_image_with_what_it_inherits() -> None:
    text = """
# syntax=docker/dockerfile:1
ARG TAG
FROM python:${TAG:?}-slim AS base
ENV MODE=live

FROM base AS packages
COPY lock.txt ./
RUN install \\
    # this line is a comment
    lock.txt
FROM base
ENV ONE=1 \\
    TWO="a b"
COPY --from=packages /packages /usr/local
WORKDIR /srv
COPY . /srv/app/
COPY x ../../../etc
USER 10001:10001
EXPOSE 8443
VOLUME ["/tmp"]
CMD ["python", "-m", "app"]
"""
    _, packages, image = read_dockerfile(text, build_args={"TAG": "9.9"})

    assert packages.not_executed == ("RUN install     lock.txt",)
    assert image == Stage(
        workdir="/srv",
        env={"MODE": "live", "ONE": "1", "TWO": "a b"},
        cmd=("python", "-m", "app"),
        copies=(
            Copy(source=".", destination="/srv/app", into_folder=True, line=17),
            Copy(source="x", destination="/etc", into_folder=False, line=18),
        ),
        not_executed=("COPY --from=packages /packages /usr/local",),
    )


@pytest.mark.parametrize(
    "statement",
    [
        "ADD a /a",
        "ARG LATER",
        "CMD python -m app",
        'COPY ["a", "/a"]',
        "COPY --chown=1:1 a /a",
        "COPY --from=base --chown=1:1 a /a",
        "COPY a b /c/",
        "COPY <<EOF /a",
        "COPY a* /a/",
        'ENTRYPOINT ["python"]',
        "ENV NAME value",
        "ENV PATH=/a:$PATH",
        "FROM b AS c d",
        "HEALTHCHECK CMD true",
        "RUN <<EOF",
        "SHELL ['bash']",
        "USER",
        "WORKDIR relative",
        "from b",
        'CMD ["unfinished',
    ],
)
def test_an_unknown_form_is_refused_with_its_line_and_what_to_do(statement: str) -> None:
    with pytest.raises(DockerfileError) as refused:
        read_dockerfile(f"FROM a\n\n{statement}\n", build_args={})
    assert str(refused.value).startswith(f"Dockerfile line 3, `{statement}`: ")
    assert "extend local_cloud/images/dockerfile.py" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no FROM"),
        ("USER 1", "line 1, `USER 1`"),
        ("ARG A=1\nFROM a", "line 1, `ARG A=1`"),
        ("ARG V\nFROM a:${V:?}", "line 2, .*V must be set: --build-arg V="),
    ],
)
def test_a_dockerfile_that_cannot_begin_is_refused(text: str, message: str) -> None:
    with pytest.raises(DockerfileError, match=message):
        read_dockerfile(text, build_args={})


def test_the_projects_dockerfile_is_known() -> None:
    text = (ROOT / "app_service" / "Dockerfile").read_text()
    digest = {"PYTHON_DIGEST": f"@sha256:{'0' * 64}"}

    for known in ({}, digest):
        assert read_dockerfile(text, build_args={"PYTHON_TAG": "9.9.1-slim", **known})[-1].cmd
