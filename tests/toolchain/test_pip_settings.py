"""B9: uv uses the index and the certificate that a user has set for pip."""

import sys
from pathlib import Path

import pytest

from toolchain.pip_settings import lock_environment, uv_environment

PYTHON = Path(sys.executable)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def environment(home: Path, configuration: str = "", **variables: str) -> dict[str, str]:
    """The environment of a user with this pip.conf and these variables."""
    home.mkdir()
    (home / "pip.conf").write_text(configuration)
    return {"HOME": str(home), "PIP_CONFIG_FILE": str(home / "pip.conf"), **variables}


def test_b9_uv_uses_the_configuration_file(home: Path) -> None:
    uv = uv_environment(
        PYTHON,
        environment(
            home,
            "[global]\nindex-url = https://mirror/simple\ncert = /etc/company.pem\n"
            "extra-index-url = https://a/simple\n    https://b/simple\nfind-links = /x /y\n"
            "trusted-host = mirror\nproxy = http://proxy:3128\ntimeout = 60\n",
        ),
    )
    assert uv["UV_DEFAULT_INDEX"] == "https://mirror/simple"
    assert uv["UV_INDEX"] == "https://a/simple https://b/simple"
    assert uv["UV_FIND_LINKS"] == "/x,/y"
    assert uv["SSL_CERT_FILE"] == "/etc/company.pem"
    assert uv["UV_INSECURE_HOST"] == "mirror"
    assert uv["ALL_PROXY"] == "http://proxy:3128"
    assert uv["UV_HTTP_TIMEOUT"] == "60"


def test_b9_variables_win_over_the_file_and_the_section_of_install_over_the_global_one(
    home: Path,
) -> None:
    uv = uv_environment(
        PYTHON,
        environment(
            home,
            "[install]\nindex-url = https://install\ncert = /install.pem\n"
            "[global]\nindex-url = https://global\ncert = /global.pem\n",
            PIP_INDEX_URL="https://variable",
        ),
    )
    assert uv["UV_DEFAULT_INDEX"] == "https://variable"
    assert uv["SSL_CERT_FILE"] == "/install.pem"


def test_b9_what_is_set_for_uv_itself_stays(home: Path) -> None:
    uv = uv_environment(
        PYTHON,
        environment(home, PIP_INDEX_URL="https://pips", UV_DEFAULT_INDEX="https://uvs"),
    )
    assert uv["UV_DEFAULT_INDEX"] == "https://uvs"


def test_b9_a_lock_is_written_from_one_index(home: Path) -> None:
    """A further index may hold only some of a release's files."""
    uv = lock_environment(
        PYTHON,
        environment(
            home,
            PIP_INDEX_URL="https://mirror/simple",
            PIP_EXTRA_INDEX_URL="https://more",
            PIP_FIND_LINKS="/wheels",
        ),
    )
    assert uv["UV_DEFAULT_INDEX"] == "https://mirror/simple"
    assert not {"UV_INDEX", "UV_FIND_LINKS"} & set(uv)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_b9_uv_uses_the_ca_file_that_pip_finds_in_a_variable(home: Path, variable: str) -> None:
    uv = uv_environment(PYTHON, environment(home, PIP_CERT="", **{variable: "/etc/company.pem"}))
    assert uv["SSL_CERT_FILE"] == "/etc/company.pem"


def test_b9_the_ca_file_of_pips_own_setting_wins_over_a_variable(home: Path) -> None:
    uv = uv_environment(
        PYTHON, environment(home, PIP_CERT="/etc/pips.pem", REQUESTS_CA_BUNDLE="/etc/other.pem")
    )
    assert uv["SSL_CERT_FILE"] == "/etc/pips.pem"


def test_b9_a_home_without_room_for_a_cache_is_enough(home: Path) -> None:
    given = environment(home)
    assert "UV_NO_CACHE" not in uv_environment(PYTHON, given)
    (home / "file").touch()
    assert uv_environment(PYTHON, {**given, "HOME": str(home / "file")})["UV_NO_CACHE"] == "true"
