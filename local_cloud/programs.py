"""Small programs that the local cloud writes and puts on the PATH of builds and tools."""

from pathlib import Path

from local_cloud.whole_file import write_whole


def write_program(file: Path, text: str) -> None:
    """Make `file` an executable with this text; other processes may run or write it meanwhile."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, text, executable=True)
