"""The image of the service of a test's stack: one program."""

import json

from local_cloud.paths import CloudPaths


def publish_image(paths: CloudPaths, program: str) -> None:
    image = paths.state / "images" / "registry" / "app" / "1"
    (image / "rootfs" / "srv").mkdir(parents=True)
    (image / "rootfs" / "srv" / "program.py").write_text(program)
    (image / "image.json").write_text(
        json.dumps(
            {
                "workdir": "/srv", "env": {}, "cmd": ["python", "program.py"],
                "source_hash": "", "not_executed": [],
            }
        )
    )  # fmt: skip
