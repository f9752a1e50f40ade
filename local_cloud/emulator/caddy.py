"""The Caddy process: started when the first configuration is loaded."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from local_cloud.addresses import free_port
from local_cloud.whole_file import write_whole

_START_TIMEOUT_SECONDS = 10


class Caddy:
    """One Caddy process and the configuration that it has loaded. Not thread-safe."""

    def __init__(self, *, program: Path, folder: Path) -> None:
        self._process_file = folder / "process.json"  # what a drill reads
        self.admin = f"127.0.0.1:{free_port()}"
        self.loaded: dict[str, Any] | None = None
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def load(self, config: dict[str, Any]) -> None:
        """Serve `config`; starts Caddy if it is not running."""
        is_running = self._is_running()
        if is_running and config == self.loaded:
            return
        if not is_running:
            self._start()
        self._post(config)
        self.loaded = config

    def revive(self) -> bool:
        """Start it again with its configuration if it has died; True if it had."""
        config = self.loaded
        if config is None or self._is_running():
            return False
        self._start()
        try:
            self._post(config)
        except BaseException:
            self.stop()  # so that the next call tries again
            raise
        return True

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
            self._process_file.unlink(missing_ok=True)

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        first = self._folder / "caddy.json"
        first.write_text(json.dumps({"admin": {"listen": self.admin}}))
        with (self._folder / "caddy.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._program), "run", "--config", str(first)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={"HOME": str(self._folder), "XDG_DATA_HOME": str(self._folder)},
            )
        started = psutil.Process(self._process.pid).create_time()
        facts = {"pid": self._process.pid, "started_epoch_seconds": started}
        write_whole(self._process_file, json.dumps(facts))
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"http://{self.admin}/config/", timeout=1):
                    return
            except OSError as error:
                if not self._is_running() or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"the load balancer did not start; see {self._folder / 'caddy.log'}"
                    ) from error
                time.sleep(0.05)

    def _post(self, config: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"http://{self.admin}/load",
            data=json.dumps(config).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30):
                pass
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace").strip()
            raise RuntimeError(f"the load balancer refused its configuration: {detail}") from error
