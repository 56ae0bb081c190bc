"""Settings for tests: quick password hashes, an issuer of the test client's own host, nothing from the environment."""

from __future__ import annotations

from typing import Any

ISSUER = "http://localhost"
QUICK_PASSWORDS = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}


def settings(database_url: str, **overrides: Any) -> Any:
    """`idp.settings.load` with a test's defaults; nested parts are given as dictionaries."""
    from idp.settings import load

    values: dict[str, Any] = {
        "environment": "test",
        "issuer": ISSUER,
        "database_url": database_url,
        "secret_key": "test-secret-key-0123456789-0123456789",
        "key_encryption_key": "test-key-encryption-key-0123456789-01",
        "mail_url": "smtp://127.0.0.1:1",
        "log_level": "WARNING",
        "passwords": QUICK_PASSWORDS,
        "throttle": {
            "requests_per_minute": 100_000,
            "authorizations_per_minute": 100_000,
            "mails_per_network": 100_000,
        },
        "lifetimes": {"loss_recheck": 0},
    }
    for name, value in overrides.items():
        values[name] = {**values[name], **value} if isinstance(values.get(name), dict) else value
    return load(**values)


def environment(database_url: str, issuer: str, **overrides: str) -> dict[str, str]:
    """The same for a process of its own."""
    return {
        "ONIX_ENVIRONMENT": "test",
        "ONIX_ISSUER": issuer,
        "ONIX_DATABASE_URL": database_url,
        "ONIX_SECRET_KEY": "test-secret-key-0123456789-0123456789",
        "ONIX_KEY_ENCRYPTION_KEY": "test-key-encryption-key-0123456789-01",
        "ONIX_LOG_LEVEL": "WARNING",
        "ONIX_PASSWORDS__TIME_COST": "1",
        "ONIX_PASSWORDS__MEMORY_COST": "8",
        "ONIX_PASSWORDS__PARALLELISM": "1",
        "ONIX_THROTTLE__REQUESTS_PER_MINUTE": "100000",
        "ONIX_THROTTLE__AUTHORIZATIONS_PER_MINUTE": "100000",
        "ONIX_THROTTLE__MAILS_PER_NETWORK": "100000",
        "ONIX_LIFETIMES__LOSS_RECHECK": "0",
        **overrides,
    }
