"""A file is replaced in one step."""

import threading
from pathlib import Path

import pytest

from local_cloud.whole_file import write_whole


def test_a_reader_sees_one_complete_text_while_several_threads_write(tmp_path: Path) -> None:
    file = tmp_path / "file"
    texts = ["a" * 100_000, "b" * 100_000, "c" * 100_000]
    write_whole(file, texts[0])
    errors: list[Exception] = []

    def write(text: str) -> None:
        try:
            for _ in range(20):
                write_whole(file, text)
        except OSError as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=(text,)) for text in texts]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert file.read_text() in texts
    assert errors == []
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_write_leaves_no_file_behind(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="file"):
        write_whole(tmp_path / "file", "text")
    assert [f.name for f in tmp_path.iterdir()] == ["file"]


def test_a_private_file_can_be_read_by_its_owner_only_from_its_first_byte_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []
    write = Path.write_text

    def watched(file: Path, text: str) -> int:
        written = write(file, text)
        modes.append(file.stat().st_mode & 0o777)
        return written

    monkeypatch.setattr(Path, "write_text", watched)
    write_whole(tmp_path / "password", "x", private=True)
    assert [*modes, (tmp_path / "password").stat().st_mode & 0o777] == [0o600, 0o600]
