"""`app_service/base_image.json` decides the base image; a wrong value fails the synth."""

import json
from pathlib import Path

import pytest

from infra.base_image import base_image_args
from infra.errors import ConfigurationError
from infra.python_version import deployed_python

TAG = f"{deployed_python()}.9-slim-trixie"
DIGEST = f"sha256:{'0a' * 32}"


def lock(folder: Path, **content: object) -> Path:
    file = folder / "base_image.json"
    file.write_text(json.dumps(content))
    return file


def test_the_tag_alone_names_the_image_without_a_digest(tmp_path: Path) -> None:
    assert base_image_args(lock(tmp_path, tag=TAG, digests={})) == {"PYTHON_TAG": TAG}


def test_with_a_digest_the_image_cannot_change(tmp_path: Path) -> None:
    known = base_image_args(lock(tmp_path, tag=TAG, digests={TAG: DIGEST}))

    assert known == {"PYTHON_TAG": TAG, "PYTHON_DIGEST": f"@{DIGEST}"}


def test_the_digest_of_another_tag_is_not_used(tmp_path: Path) -> None:
    """Docker ignores the tag beside a digest: a new tag would keep the old image."""
    known = base_image_args(lock(tmp_path, tag=TAG, digests={"3.1.4-slim-trixie": DIGEST}))

    assert known == {"PYTHON_TAG": TAG}


@pytest.mark.parametrize(
    "tag", ["3.1.4-slim-trixie", deployed_python(), "latest", f"{deployed_python()}-slim-trixie"]
)
def test_only_an_exact_version_of_the_deployed_python_is_taken(tmp_path: Path, tag: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"holds the tag '.*': it must be an exact version"
    ):
        base_image_args(lock(tmp_path, tag=tag, digests={}))


@pytest.mark.parametrize("digest", ["", "sha256:", "0a" * 32, None])
def test_anything_but_a_digest_is_refused(tmp_path: Path, digest: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"holds the digest .* `make lock` writes it"):
        base_image_args(lock(tmp_path, tag=TAG, digests={TAG: digest}))


@pytest.mark.parametrize("content", ["", "[]", '{"tag": "x"}', '{"tag": "x", "digests": 1}'])
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    file = lock(tmp_path)
    file.write_text(content)

    with pytest.raises(ConfigurationError, match=r"cannot be read.*`tag` and `digests`"):
        base_image_args(file)


def test_the_projects_own_file_is_read() -> None:
    assert base_image_args()["PYTHON_TAG"].startswith(deployed_python())
