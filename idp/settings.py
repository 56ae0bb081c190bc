"""Typed settings, from `config/*.toml` and the environment (`ONIX_…`, `__` for nesting, `…_FILE` for a secret's file).

Every bad value is reported at once, then the program refuses to start. `config/default.toml` holds what a fresh
checkout runs with; `config/production.toml` what production changes; the environment stands above both.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from flask import current_app
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_SECRET = "only-for-development-change-me-0000000000"


class SettingsError(Exception):
    """Settings that cannot be used; `problems` names each, one line apiece, and never shows a secret's value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lifetimes(_Part):
    """How long things live, in seconds (DESIGN §3 *Lifetimes*)."""

    token: int = Field(300, ge=30, le=600, description="Access and ID token, clipped to what it stands on")
    code: int = Field(60, ge=5, le=600, description="Authorization code")
    authorization_request: int = Field(3600, ge=60, description="A stored authorization request waiting for its person")
    session_idle: int = Field(12 * 3600, ge=60, description="Session without use")
    session_absolute: int = Field(30 * 86400, ge=60, description="Session in all")
    recent_sign_in: int = Field(
        300, ge=30, le=3600, description="A sign-in this recent may change how the person signs in (security R27)"
    )
    activation: int = Field(24 * 3600, ge=60, description="Activation link")
    reset: int = Field(3600, ge=60, description="Password reset link")
    invitation: int = Field(28 * 86400, ge=60, description="Invitation")
    closing: int = Field(
        14 * 86400, ge=60, description="An account that its person closes can be kept this long; then it is erased"
    )
    closing_reminder: int = Field(
        3 * 86400,
        ge=0,
        description="An account that its person closes is reminded of this long before its end; 0, or as long as "
        "`closing`: never",
    )
    refresh_idle: int = Field(30 * 86400, ge=60, description="Offline refresh token without use")
    refresh_absolute: int = Field(180 * 86400, ge=60, description="Offline authorization in all")
    rotation_grace: int = Field(10, ge=0, le=60, description="A spent refresh token shown again by its own client")
    loss_recheck: int = Field(
        3, ge=0, le=60, description="A loss is compared once more after this long, for tokens issued at its very moment"
    )
    key_prepublish: int = Field(86400, ge=0, description="A signing key is published this long before its first use")
    key_rotation: int = Field(90 * 86400, ge=3600, description="A signing key is used this long")


class Passwords(_Part):
    """Password rules (security R22, R25) and the cost of argon2id."""

    min_length: int = Field(15, ge=8, le=64, description="Minimum length as the only factor, in code points")
    max_length: int = Field(256, ge=64, le=256, description="Longest accepted, in code points")
    time_cost: int = Field(3, ge=1, description="argon2id iterations")
    memory_cost: int = Field(19456, ge=8, description="argon2id memory in KiB")
    parallelism: int = Field(1, ge=1, description="argon2id lanes")
    concurrency: int = Field(
        2, ge=1, description="Hashes computed at once in one process; `serve` shares its cores among the workers"
    )


class Throttle(_Part):
    """Limits against guessing and flooding."""

    failures: int = Field(10, ge=1, le=100, description="Failed sign-ins per account or mailbox before 429")
    window: int = Field(900, ge=1, description="Seconds a failure counts")
    failures_per_address: int = Field(10, ge=1, description="Failed sign-ins per network address before 429")
    mails_per_address: int = Field(
        5,
        ge=1,
        description="Mails to one mailbox per hour of each cause: sign-up, reset, …, and of each organization",
    )
    mails_per_network: int = Field(
        300, ge=1, description="Mails of sign-up and reset per hour from one network address"
    )
    exports_per_hour: int = Field(5, ge=1, description="Archives of one's own data per account and hour")
    images_per_hour: int = Field(
        600, ge=1, description="Pictures, signatures and previews of them made per account and hour"
    )
    requests_per_minute: int = Field(
        600, ge=1, description="Form posts and sign-ins begun per network address per minute"
    )
    authorizations_per_minute: int = Field(
        120, ge=1, description="Answers of the authorization endpoint with a code per account, minute and process"
    )
    api_requests_per_minute: int = Field(300, ge=1, description="Requests to the API per client and person per minute")


class Express(_Part):
    """Customers' read-only access (DESIGN §3 *Express*)."""

    users_per_customer: int = Field(
        25, ge=1, le=10_000, description="Users and open invitations for each customer of a supplier"
    )
    invitation_reminders: tuple[int, ...] = Field(
        (14, 3), description="Days before an invitation expires when it is reminded of"
    )
    inactivity: int = Field(365, ge=1, le=3650, description="Days without a sign-in after which a user is terminated")
    inactivity_warnings: tuple[int, ...] = Field(
        (30, 14, 7), min_length=1, description="Days before that termination when it is warned of"
    )
    request_link: int = Field(3 * 86400, ge=60, description="Seconds in which a request for access is to be confirmed")
    invitations_per_hour: int = Field(
        500, ge=1, description="Invitations, first and repeated, that one supplier may send in an hour"
    )
    requests_per_address: int = Field(
        20, ge=1, description="Requests for access per network address and hour before 429"
    )

    @field_validator("invitation_reminders", "inactivity_warnings")
    @classmethod
    def _days(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 1 <= days <= 365 for days in value):
            raise ValueError("must be days between 1 and 365")
        return tuple(sorted(set(value), reverse=True))

    @model_validator(mode="after")
    def _in_time(self) -> Express:
        if self.inactivity_warnings[0] >= self.inactivity:
            raise ValueError("the first warning of inactivity must come after the last sign-in")
        return self


def _mail_server(value: str) -> str:
    try:
        parts = urlsplit(value)
        fit = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        fit = False
    if not fit:
        raise ValueError("must be smtp://host:port or smtps://host")
    return value


def _sender(value: str) -> str:
    if "@" not in parseaddr(value)[1]:
        raise ValueError("must be an address, or a name with an address in <>")
    return value


class Mail(_Part):
    """How mail leaves."""

    url: str = Field(
        "smtp://localhost:2525", description="smtp://user:password@host:port; smtps:// for implicit TLS; ?starttls=1"
    )
    sender: str = Field("Onix Work <no-reply@onixwork.example>", description="The From header")
    timeout: int = Field(10, ge=1, description="Seconds before a silent mail server counts as down")

    _url = field_validator("url")(_mail_server)
    _from = field_validator("sender")(_sender)


class Settings(BaseSettings):
    """All of it. Frozen; one per application, at `app.extensions['onix_settings']`."""

    model_config = SettingsConfigDict(
        env_prefix="ONIX_", env_nested_delimiter="__", frozen=True, extra="ignore", env_ignore_empty=True
    )

    environment: Literal["development", "production", "demo", "test"] = Field(
        "development", description="`production` refuses what is not fit for it"
    )
    issuer: str = Field("http://localhost:8000", description="The issuer, without a final slash; never changes")
    secret_key: SecretStr = Field(SecretStr(DEFAULT_SECRET), description="Signs cookies and mailed links")
    secret_key_fallbacks: list[SecretStr] = Field(default_factory=list, description="Older secret keys, still accepted")
    key_encryption_key: SecretStr = Field(SecretStr(DEFAULT_SECRET), description="Encrypts signing keys at rest")
    key_encryption_key_fallbacks: list[SecretStr] = Field(
        default_factory=list, description="Older ones, which still open keys that they encrypted"
    )
    database_url: SecretStr = Field(
        SecretStr("sqlite:///.run/onix-account.sqlite3"),
        description="`postgresql://user:password@host/name`, or SQLite for one machine",
    )
    redis_url: SecretStr | None = Field(None, description="Request rates per address; memory without it")
    debug: bool = Field(False, description="Refused in production")
    trusted_proxies: int = Field(0, ge=0, le=5, description="How many proxies in front set X-Forwarded-*")
    at_once: int = Field(
        0, ge=0, le=256, description="Requests worked at, at once, in one process; `serve` sets it to `--threads`"
    )
    default_locale: Literal["en", "nb"] = Field("en", description="`en` or `nb`, for whoever has chosen none")
    log_format: Literal["json", "console"] = Field("json", description="`json`, or `console` for people")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`"
    )
    catalog: Path = Field(
        ROOT / "config" / "catalog.toml", description="Apps with their privileges and editions, and the system's roles"
    )
    demo_world: Path = Field(ROOT / "config" / "demo.toml", description="What the demo begins with")
    lifetimes: Lifetimes = Lifetimes()
    passwords: Passwords = Passwords()
    throttle: Throttle = Throttle()
    express: Express = Express()
    mail: Mail = Mail()
    mail_url: SecretStr | None = Field(None, description="Short for mail.url")
    mail_from: str | None = Field(None, description="Short for mail.sender")
    metrics_token: SecretStr | None = Field(
        None,
        description="What `/metrics` asks for as a bearer token. Without one production has no such page, and every "
        "other environment shows it to whoever asks",
    )
    cookie_name: str | None = Field(
        None, description="Default: __Host-onix_account, with an http issuer onix_account_<port>"
    )

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an http(s) address without query or fragment")
        if value.endswith("/") or parts.path:
            raise ValueError("must have no path and no final slash")
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr) -> SecretStr:
        try:
            kind = make_url(value.get_secret_value()).drivername
        except (ArgumentError, ValueError):
            kind = ""
        if kind not in ("sqlite", "postgresql", "postgresql+psycopg"):
            raise ValueError("must be postgresql://user:password@host/name or sqlite:///path")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("redis://", "rediss://", "redis+unix://")):
            raise ValueError("must be redis://host/number, rediss:// for TLS or redis+unix:///path")
        return value

    @field_validator("mail_url")
    @classmethod
    def _mail_url(cls, value: SecretStr | None) -> SecretStr | None:
        return value and SecretStr(_mail_server(value.get_secret_value()))

    @field_validator("mail_from")
    @classmethod
    def _mail_from(cls, value: str | None) -> str | None:
        return value and _sender(value)

    @property
    def secure(self) -> bool:
        """Whether the issuer is https; decides cookie flags, HSTS and what clients may register."""
        return self.issuer.startswith("https://")

    @property
    def local(self) -> bool:
        """Only an http issuer on localhost allows http redirect URIs on localhost and outgoing calls to loopback."""
        return not self.secure and urlsplit(self.issuer).hostname in ("localhost", "127.0.0.1")

    @property
    def is_demo(self) -> bool:
        return self.environment == "demo"

    @property
    def session_cookie(self) -> str:
        if self.cookie_name:
            return self.cookie_name
        return "__Host-onix_account" if self.secure else f"onix_account_{urlsplit(self.issuer).port or 80}"

    @property
    def all_secret_keys(self) -> list[str]:
        """Newest first."""
        return [key.get_secret_value() for key in (self.secret_key, *self.secret_key_fallbacks)]

    @property
    def all_key_encryption_keys(self) -> list[str]:
        """Newest first."""
        return [key.get_secret_value() for key in (self.key_encryption_key, *self.key_encryption_key_fallbacks)]

    @property
    def database(self) -> str:
        """The database URL for SQLAlchemy; a relative SQLite path is taken from the project's folder."""
        url = self.database_url.get_secret_value()
        prefix = "sqlite:///"
        if url.startswith(prefix) and not url.startswith(prefix + "/") and url != prefix + ":memory:":
            return prefix + str(ROOT / url.removeprefix(prefix))
        return url

    @property
    def mail_server(self) -> str:
        return self.mail_url.get_secret_value() if self.mail_url else self.mail.url

    @property
    def mail_sender(self) -> str:
        return self.mail_from or self.mail.sender

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings)

    def problems(self) -> list[str]:
        """What production refuses, one line each; empty when fit to serve."""
        if self.environment != "production":
            return []
        found = []
        for name, keys in (("secret_key", self.all_secret_keys), ("key_encryption_key", self.all_key_encryption_keys)):
            if DEFAULT_SECRET in keys:
                found.append(f"ONIX_{name.upper()}: the development default is not allowed in production")
            elif len(keys[0]) < 32:
                found.append(f"ONIX_{name.upper()}: needs at least 32 characters")
        if self.metrics_token is not None and len(self.metrics_token.get_secret_value()) < 32:
            found.append("ONIX_METRICS_TOKEN: needs at least 32 characters")
        if not self.secure:
            found.append("ONIX_ISSUER: production needs an https issuer")
        if self.database_url == type(self).model_fields["database_url"].default:
            found.append("ONIX_DATABASE_URL: production needs one; the default lies in the program's own folder")
        if self.debug:
            found.append("ONIX_DEBUG: debug is not allowed in production")
        if self.mail_url is None and self.mail.url == Mail.model_fields["url"].default:
            found.append("ONIX_MAIL_URL: production needs a mail server")
        if self.mail_sender == Mail.model_fields["sender"].default:
            found.append("ONIX_MAIL_FROM: production needs a sender that its mail server may use")
        if os.environ.get("AUTHLIB_INSECURE_TRANSPORT"):
            found.append("AUTHLIB_INSECURE_TRANSPORT: must not be set in production")
        if os.environ.get("ONIX_CLOCK_FILE"):
            found.append("ONIX_CLOCK_FILE: the clock can't be moved in production")
        return found


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _merge(base[key], over[key])
        if isinstance(base.get(key), dict) and isinstance(over.get(key), dict)
        else over.get(key, base.get(key))
        for key in {**base, **over}
    }


def _secret_files(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """What `ONIX_…_FILE` variables name, so that secrets can come from mounted files; and what is wrong with them.

    A list (`ONIX_SECRET_KEY_FALLBACKS_FILE`) has one value a line. A variable beside its file is a contradiction.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, path in sorted(environ.items()):
        if not (name.startswith("ONIX_") and name.endswith("_FILE") and path) or name == "ONIX_CLOCK_FILE":
            continue
        setting = name.removesuffix("_FILE")
        part, _, inner = setting.removeprefix("ONIX_").lower().partition("__")
        field = Settings.model_fields.get(part)
        if field is None:
            problems.append(f"{name}: there is no setting {setting}")
            continue
        if environ.get(setting):
            problems.append(f"{name}: {setting} is set too; give one of them")
            continue
        try:
            text = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{name}: {getattr(error, 'strerror', None) or 'is no text'}")
            continue
        if not text:
            problems.append(f"{name}: the file is empty")
        elif inner:
            found.setdefault(part, {})[inner] = text
        else:
            found[part] = text.splitlines() if part.endswith("_fallbacks") else text
    return found, problems


_NOT_SETTINGS = frozenset({"ONIX_CLOCK_FILE", "ONIX_DEMO_FOLDER", "ONIX_DEMO_MAIL"})


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like settings and are none: a slip of the pen would otherwise do nothing in silence."""
    known = {f"ONIX_{name}".upper() for name in Settings.model_fields}
    return sorted(
        name
        for name in environ
        if name.startswith("ONIX_")
        and name not in _NOT_SETTINGS
        and name.removesuffix("_FILE").partition("__")[0] not in known
    )


def current_settings() -> Settings:
    """Those of the application that serves."""
    return cast(Settings, current_app.extensions["onix_settings"])


def load(**overrides: Any) -> Settings:
    """Read everything; raises `SettingsError` with the whole list of what is wrong."""
    values: dict[str, Any] = {}
    names = ["default"]
    if "production" in (os.environ.get("ONIX_ENVIRONMENT"), overrides.get("environment")):
        names.append("production")
    for name in names:
        path = ROOT / "config" / f"{name}.toml"
        if path.exists():
            values = _merge(values, tomllib.loads(path.read_text(encoding="utf-8")))
    files, problems = _secret_files(os.environ)
    overrides = _merge(files, overrides)

    class _Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *sources: Any, **named: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            from pydantic_settings import InitSettingsSource

            environment = named["env_settings"]
            environment.env_vars = {  # the files are read above; `mail__url_file` is no setting
                name: value for name, value in environment.env_vars.items() if not name.lower().endswith("_file")
            }
            return (
                named["init_settings"],
                environment,
                InitSettingsSource(settings_cls, init_kwargs=values),
            )

    wrong: dict[str, Any] = {}
    try:
        settings = _Layered(**overrides)
    except ValidationError as error:
        for item in error.errors():
            where = [str(part) for part in item["loc"]]
            problems.append(f"{'ONIX_' + '__'.join(where).upper()}: {item['msg'].removeprefix('Value error, ')}")
            wrong[where[0]] = None
        # What stands against production is told in the same report: looked at with the wrong values set aside.
        plain = {name: Settings.model_fields[name].get_default(call_default_factory=True) for name in wrong}
        try:
            settings = _Layered(**{**overrides, **plain})
        except ValidationError:
            raise SettingsError(problems) from None
    unsafe = [line for line in settings.problems() if not line.startswith(tuple(f"ONIX_{n.upper()}:" for n in wrong))]
    if problems or unsafe:
        raise SettingsError(problems + unsafe)
    return settings
