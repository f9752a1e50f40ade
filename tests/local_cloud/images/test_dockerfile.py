"""What a Dockerfile says, read without an engine."""

import pytest

from local_cloud.images.dockerfile import DockerfileError, expand, parse
from local_cloud.images.plan import plan


def test_continuations_and_comments_inside_them_are_one_instruction() -> None:
    text = "# syntax=docker/dockerfile:1\nFROM a\nRUN one && \\\n  # why\n\n  two\nUSER 1000\n"
    assert [(i.name, i.argument, i.line) for i in parse(text)] == [
        ("FROM", "a", 2),
        ("RUN", "one &&   two", 3),
        ("USER", "1000", 7),
    ]


def test_a_here_document_is_not_read_as_instructions() -> None:
    text = "FROM a\nRUN <<EOF\nCOPY nothing\nEOF\nUSER 7\n"
    assert [i.name for i in parse(text)] == ["FROM", "RUN", "USER"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM a\nFRUM b", "line 2: 'FRUM' is not an instruction"),
        ("FROM a\nUSER", "line 2: USER needs an argument"),
        ("RUN x", "line 1, RUN: the first instruction must be FROM"),
        ("", "has no FROM"),
        ("FROM a b", "line 1, FROM"),
        ("FROM a\nCOPY one two three", "must end with /"),
        ("FROM a\nCOPY one", "needs a source and a destination"),
        ("FROM a\nCOPY <<EOF /x\nhi\nEOF", "here-documents are not supported"),
        ("FROM a\nRUN <<EOF\nhi", "not ended by 'EOF'"),
        ("FROM a\nENV JUSTNAME", "expected NAME=value"),
        ("FROM a\nENV A=1 B", "expected NAME=value, got 'B'"),
        ("ARG V\nFROM a:${V:?}", "line 2, FROM: V: must be set, with --build-arg for an ARG"),
        ("ARG V=\nFROM a:${V:?say which}", "line 2, FROM: V: say which"),
    ],
)
def test_a_wrong_dockerfile_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(DockerfileError, match=message):
        plan(text, build_args={})


def test_variables_are_expanded_as_docker_does() -> None:
    known = {"A": "1", "EMPTY": ""}
    assert expand("$A-${A}-${B:-x}-${A:-x}-${A:+y}-${EMPTY:+y}-\\$A", known) == "1-1-x-1-y--$A"
    assert expand("${A:?}-${A:?reason}", known) == "1-1"


def test_the_last_stage_counts_and_what_it_does_not_run_is_written_down() -> None:
    made = plan(
        """
ARG TAG=3.12
FROM python:${TAG} AS build
WORKDIR /build
COPY . .
RUN pip install .
FROM python:$TAG
ARG PORT=8443
ENV PORT=$PORT \\
    GREETING="good day"
ENV OLD form of it
WORKDIR /srv
WORKDIR app
COPY --from=build /wheels /wheels
COPY --chown=1000:1000 one.py two.py ./
ADD https://example.org/file /file
COPY ["with space.txt", "/data/"]
USER 1000:1000
EXPOSE $PORT 9000/udp
ENTRYPOINT ["python", "-m"]
CMD ["app_service"]
""",
        build_args={"TAG": "3.13", "PORT": "9443"},
    )
    assert made.base == "python:3.13"
    assert made.workdir == "/srv/app"
    assert made.env == {"PORT": "9443", "GREETING": "good day", "OLD": "form of it"}
    assert (made.user, made.expose) == ("1000:1000", ("9443", "9000/udp"))
    assert (*made.entrypoint, *made.cmd) == ("python", "-m", "app_service")
    assert [(c.sources, c.destination) for c in made.copies] == [
        (("one.py", "two.py"), "/srv/app"),
        (("with space.txt",), "/data"),
    ]
    assert made.not_executed == (
        "COPY --from=build /wheels /wheels",
        "ADD https://example.org/file /file",
    )


def test_a_stage_inherits_from_the_stage_it_is_built_on_and_a_target_can_be_chosen() -> None:
    text = (
        'FROM a AS base\nWORKDIR /srv\nCOPY x .\nCMD run me\nFROM base AS top\nENTRYPOINT ["e"]\n'
    )
    top = plan(text, build_args={})
    assert (top.workdir, len(top.copies), top.entrypoint, top.cmd) == ("/srv", 1, ("e",), ())
    base = plan(text, build_args={}, target="base")
    assert base.cmd == ("/bin/sh", "-c", "run me")
    with pytest.raises(DockerfileError, match="no stage 'other'"):
        plan(text, build_args={}, target="other")


def test_the_shell_instruction_decides_how_a_command_line_is_run() -> None:
    text = 'FROM a\nSHELL ["/bin/bash", "-ec"]\nCMD [broken\n'
    assert plan(text, build_args={}).cmd == ("/bin/bash", "-ec", "[broken")


def test_a_destination_cannot_leave_the_root() -> None:
    made = plan("FROM a\nCOPY x ../../../../etc/\nCOPY y //z", build_args={})
    assert [c.destination for c in made.copies] == ["/etc", "/z"]
