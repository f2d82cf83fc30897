"""A server's environment is checked before anything else happens, and what is wrong is named (trust.md T37)."""

from __future__ import annotations

import pytest

from machina_desktop.core.errors import InvalidInput
from machina_desktop.server.config import Mode, ServerConfig, read_config

PRODUCTION = {"MACHINA_ENV": "production", "PUBLIC_SERVER_URL": "https://machina.example.com"}


def test_without_any_variable_it_serves_this_computer() -> None:
    config = read_config({})
    assert (config.bind, config.port, config.public_url) == ("127.0.0.1", 3001, "http://localhost:3001")
    assert config.cors_origins == ("http://localhost:5173",)
    assert config.hosts == {"localhost", "127.0.0.1", "[::1]"}
    assert (config.mode, config.proxies, config.database_url) == (Mode.DEVELOPMENT, (), None)


def test_an_empty_variable_counts_as_none() -> None:
    names = ("PORT", "PUBLIC_SERVER_URL", "MACHINA_ENV", "NODE_ENV", "DATABASE_URL", "MACHINA_BIND")
    assert read_config(dict.fromkeys(names, "")) == read_config({})


def test_in_production_only_its_own_name_counts_and_no_page_may_ask() -> None:
    config = read_config({**PRODUCTION, "MACHINA_ALLOWED_HOSTS": "Machina.internal"})
    assert config.hosts == {"machina.example.com", "machina.internal"}
    assert config.cors_origins == ()
    assert config.is_production


def test_node_env_is_another_name_and_machina_env_counts_before_it() -> None:
    assert read_config({"NODE_ENV": "test"}).mode is Mode.TEST
    assert read_config({"NODE_ENV": "nonsense", "MACHINA_ENV": "test"}).mode is Mode.TEST


def test_the_databases_password_is_in_no_text() -> None:
    config = read_config({"DATABASE_URL": "postgresql://machina:s3cret-pass@db/machina"})
    assert "s3cret-pass" not in repr(config)
    assert config.database_url is not None
    assert config.database_url.reveal().endswith("@db/machina")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "٣"),
        ("MACHINA_ENV", "prod"),
        ("MACHINA_BIND", "localhost"),
        ("PUBLIC_SERVER_URL", "machina.example.com"),
        ("PUBLIC_SERVER_URL", "ftp://machina.example.com"),
        ("PUBLIC_SERVER_URL", "https://user:pass@machina.example.com"),
        ("PUBLIC_SERVER_URL", "https://machina.example.com/api"),
        ("PUBLIC_SERVER_URL", "https://machina.example.com?x"),
        ("PUBLIC_SERVER_URL", "https://machina.example.com#x"),
        ("PUBLIC_SERVER_URL", "https://machina.example.com; rm"),
        ("PUBLIC_SERVER_URL", "https://machina.example.com'"),
        ("PUBLIC_SERVER_URL", "https://machina.example.com\n"),
        ("PUBLIC_SERVER_URL", "https://machina.example.com:port"),
        ("PUBLIC_SERVER_URL", "https://[::1"),
        ("CORS_ORIGIN", "*"),
        ("CORS_ORIGIN", "https://*.example.com"),
        ("CORS_ORIGIN", "null"),
        ("CORS_ORIGIN", "https://app.example.com/"),
        ("CORS_ORIGIN", "https://app.example.com, evil"),
        ("MACHINA_TRUSTED_PROXIES", "nginx"),
        ("MACHINA_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("DATABASE_URL", "mysql://db/machina"),
        ("MACHINA_REGISTRATION", "closed"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_config({variable: value})
    assert (caught.value.code, caught.value.field) == ("E-CONFIG", variable)
    assert caught.value.hint


def test_production_without_tls_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_config({"MACHINA_ENV": "production"})
    assert caught.value.field == "PUBLIC_SERVER_URL"


def test_the_configuration_of_the_spec_is_understood() -> None:
    config = read_config(
        {
            "PUBLIC_SERVER_URL": "http://localhost:3001",
            "PORT": "3001",
            "CORS_ORIGIN": "http://localhost:5173",
            "NODE_ENV": "development",
        }
    )
    assert config == ServerConfig(cors_origins=("http://localhost:5173",))
