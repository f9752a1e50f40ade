"""`eval "$(make -s session)"`: prints shell commands, also when it fails."""

import shlex

import requests

from local_cloud.environments import the_environment
from local_cloud.facts import api_client
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError, RunningCloud
from local_cloud.users import user_name

_VARIABLES = ("API", "CA", "TOKEN")


def clear_session() -> None:
    """Print `unset`, so that variables of an earlier session are not used after an error."""
    print(f"unset {' '.join(_VARIABLES)};", flush=True)


def open_session(paths: CloudPaths, cloud: RunningCloud, *, suffix: str) -> None:
    """Open a session at the API and print shell assignments of API, CA and TOKEN.

    Raises CloudError.
    """
    facts = the_environment(paths, cloud, suffix=suffix)
    url, certificate = facts["ApiUrl"], facts.get("certificate_file")
    try:
        answer = requests.post(
            f"{url}/sessions",
            auth=api_client(facts, cloud),
            json={"user_id": user_name()},
            verify=certificate or True,
            timeout=10,
        )
    except requests.RequestException as error:
        raise CloudError(
            f"environment {facts['suffix']}: the API at {url} does not answer ({error}); "
            "`make status` shows its tasks"
        ) from error
    if answer.status_code != 201:
        raise CloudError(f"no session: {answer.status_code} {answer.text}")
    values = (url, certificate or "", answer.json()["token"])
    pairs = zip(_VARIABLES, values, strict=True)
    print(" ".join(f"{name}={shlex.quote(value)}" for name, value in pairs))
