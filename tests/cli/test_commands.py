"""The commands: what they print, what they ask, and the exit codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from idp.cli import base
from tests.support.commands import runner
from tests.support.configuration import environment
from tests.support.databases import one_database

Run = Callable[..., Any]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(environment(database_url, "http://localhost:8000"), monkeypatch, capsys)


@pytest.fixture
def seeded(run: Run) -> Run:
    run("db", "upgrade")
    return run


def test_an_organization_from_nothing(seeded: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Organization, person, member, role, license and seat by the commands alone."""
    import io

    run = seeded
    org = run("org", "create", "hav-kran", "Hav Kran AS", "--json")
    monkeypatch.setattr("sys.stdin", io.StringIO("lett-hest-batteri-stift\n"))
    person = run(
        "user", "create", "Kari@Havkran.example", "--given-name", "Kari", "--family-name", "Nord", "--verified",
        "--password-stdin", "--keep-password", "--json",
    )  # fmt: skip
    assert person["name"] == "Kari Nord" and person["verified"] is True
    run("role", "create", "hav-kran", "Lagermann", "--privilege", "tag:access", "--privilege", "tag:equipment.read")
    member = run(
        "org", "add-member", "hav-kran", "--email", "kari@havkran.example", "--status", "active", "--role", "Lagermann",
        "--json",
    )  # fmt: skip
    assert member["account_id"] == person["id"] and member["roles"] == ["Lagermann"]
    sold = run("license", "sell", "hav-kran", "tag:standard", "--seats", "1", "--ends", "2099-01-01", "--json")
    assert run("license", "assign", sold["id"], "kari@havkran.example") == "assigned\n"
    listed = run("license", "list", "--organization", "hav-kran", "--json")
    assert [(row["edition"], row["seats"], row["held"]) for row in listed] == [("tag:standard", 1, 1)]
    assert run("org", "show", org["id"], "--json")["members"] == {"active": 1}
    assert [row["email"] for row in run("org", "members", "hav-kran", "--json")] == ["kari@havkran.example"]
    shown = run("user", "show", "kari@havkran.example", "--json")
    assert [row["organization"] for row in shown["members"]] == ["hav-kran"]
    # Lowering seats below those held is refused, with the reason; nothing has changed.
    assert "Refused" in run("license", "change", sold["id"], "--seats", "0", code=base.REFUSED)
    assert run("license", "list", "--organization", "hav-kran", "--json")[0]["seats"] == 1


@one_database
@pytest.mark.parametrize(
    ("kind", "options", "secret"),
    [
        ("web", ["--redirect-uri", "https://app.example/cb"], True),
        ("spa", ["--redirect-uri", "https://spa.example/cb"], False),
        ("native", ["--redirect-uri", "http://127.0.0.1/cb"], False),
        ("machine", [], True),
    ],
)
def test_each_kind_of_client_is_registered(seeded: Run, kind: str, options: list[str], secret: bool) -> None:
    made = seeded("client", "create", f"A {kind} client", "--kind", kind, *options, "--json")
    assert bool(made["client_secret"]) is secret
    shown = seeded("client", "show", made["client_id"])
    assert f"A {kind} client" in shown
    assert made["client_id"] in [row["id"] for row in seeded("client", "list", "--json")]
    if secret:
        assert made["client_secret"] not in shown, "a secret is printed once"
        again = seeded("client", "rotate-secret", made["client_id"], "--json")
        assert again["client_secret"] != made["client_secret"]
    assert seeded("client", "disable", made["client_id"], "--yes") == "disabled\n"
    assert seeded("client", "enable", made["client_id"]) == "enabled\n"


@one_database
def test_bad_metadata_is_refused(seeded: Run) -> None:
    said = seeded("client", "create", "X", "--kind", "web", "--redirect-uri", "javascript://x", code=base.REFUSED)
    assert "invalid_redirect_uri" in said
    assert seeded("client", "list", "--json") == []


@one_database
def test_any_member_of_the_metadata_is_set_and_changed(seeded: Run) -> None:
    made = seeded(
        "client", "create", "A", "--kind", "web", "--redirect-uri", "https://a.example/cb",
        "--set", "id_token_signed_response_alg=ES256", "--set", "client_name#nb=Én",
        "--set", "default_max_age=60", "--json",
    )  # fmt: skip

    def metadata() -> dict[str, Any]:
        return seeded("client", "show", made["client_id"], "--json")["metadata"]  # type: ignore[no-any-return]

    before = metadata()
    assert (before["id_token_signed_response_alg"], before["default_max_age"]) == ("ES256", 60)
    assert before["client_name#nb"] == "Én"
    seeded(
        "client",
        "change",
        made["client_id"],
        "--set",
        'redirect_uris=["https://b.example/cb"]',
        "--set",
        "default_max_age=",
        "--set",
        "software_version=1.10",
        "--set",
        "client_name=2024",
        "--set",
        "require_auth_time=true",
    )
    after = metadata()
    assert after == {
        **{k: v for k, v in before.items() if k != "default_max_age"},
        "redirect_uris": ["https://b.example/cb"],
        "software_version": "1.10",
        "client_name": "2024",
        "require_auth_time": True,
    }
    for member, code in (
        ('redirect_uris=["http://b.example"]', base.REFUSED), ("redirect_uris=", base.REFUSED),
        ("jwks=[[", base.REFUSED),
        ("id_token_signed_response_alg=none", base.REFUSED), ("default_max_age=soon", base.REFUSED),
        ("default_max_age=NaN", base.REFUSED), ('software_id=["a"]', base.REFUSED),
        ("require_auth_time=1", base.REFUSED),
        ("redirect_uri=https://c.example", base.USAGE), ("client_name", base.USAGE),
    ):  # fmt: skip
        seeded("client", "change", made["client_id"], "--set", member, code=code)
    seeded("client", "change", made["client_id"], "--set", "scope=openid", "--set", "scope=email", code=base.USAGE)
    seeded("client", "change", made["client_id"], code=base.USAGE)
    seeded("client", "change", "nope", "--set", "client_name=B", code=base.UNKNOWN)
    assert metadata() == after


@one_database
def test_exit_codes(seeded: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "There is no organization nope" in seeded("org", "show", "nope", code=base.UNKNOWN)
    assert "no account" in seeded("user", "show", "nobody@nowhere.example", code=base.UNKNOWN)
    assert "no client" in seeded("client", "show", "nope", code=base.UNKNOWN)
    seeded("org", "create", "a-b", "A", code=base.OK)
    assert "slug_taken" in seeded("org", "create", "a-b", "A", code=base.REFUSED)
    seeded("license", "sell", "a-b", "tag:standard", code=base.USAGE)
    seeded("license", "sell", "a-b", "tag:standard", "--seats", "1", "--ends", "soon", code=base.USAGE)
    seeded("nonsense", code=base.USAGE)
    monkeypatch.setenv("ONIX_ISSUER", "ftp://x/")
    monkeypatch.setenv("ONIX_MAIL__TIMEOUT", "never")
    said = seeded("org", "list", code=base.SETTINGS)
    assert "ONIX_ISSUER" in said and "ONIX_MAIL__TIMEOUT" in said


@one_database
def test_destructive_verbs_ask_or_take_yes(seeded: Run) -> None:
    seeded("org", "create", "a-b", "A")
    assert "--yes" in seeded("org", "suspend", "a-b", code=base.USAGE)
    assert seeded("org", "show", "a-b", "--json")["status"] == "active"
    assert seeded("org", "suspend", "a-b", "--yes") == "suspended\n"
    assert seeded("org", "show", "a-b", "--json")["status"] == "suspended"
    assert seeded("org", "resume", "a-b") == "active\n"


@one_database
def test_users_are_disabled_enabled_and_signed_out(seeded: Run) -> None:
    seeded("user", "create", "kari@bedrift.example", "--given-name", "Kari", "--family-name", "Nord")
    seeded("user", "disable", "kari@bedrift.example", "--yes")
    assert seeded("user", "list", "--json")[0]["status"] == "disabled"
    assert "account_disabled" in seeded("user", "reset-password", "kari@bedrift.example", code=base.REFUSED)
    seeded("user", "enable", "kari@bedrift.example")
    assert seeded("user", "sign-out", "kari@bedrift.example", "--yes") == "0 sessions ended\n"
    assert "--yes" in seeded("user", "remove-second-factors", "kari@bedrift.example", code=base.USAGE)
    assert seeded("user", "remove-second-factors", "kari@bedrift.example", "--yes") == "there was none\n"
    assert "kari@bedrift.example" in seeded("user", "reset-password", "kari@bedrift.example")
    assert [row["kind"] for row in seeded("outbox", "list", "--json")] == ["reset"]
    waiting = seeded("outbox", "list", "--json")[0]
    assert seeded("outbox", "retry") == seeded("outbox", "retry", waiting["id"]) == "0 queued again\n"
    assert seeded("outbox", "list", "--json") == [waiting], "what waits is left alone"
    assert "no such delivery" in seeded("outbox", "retry", "nowhere", code=base.UNKNOWN)
    assert seeded("user", "list", "--search", "NORD", "--json")[0]["email"] == "kari@bedrift.example"
    assert seeded("user", "list", "--search", "%", "--json") == []
    assert "--yes" in seeded("user", "delete", "kari@bedrift.example", code=base.USAGE)
    assert seeded("user", "delete", "kari@bedrift.example", "--yes") == "deleted\n"
    assert seeded("user", "list", "--json") == []


@one_database
def test_r29_weak_first_passwords_are_refused(seeded: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("password\n"))
    arguments = ["user", "create", "k@b.example", "--given-name", "K", "--family-name", "N", "--password-stdin"]
    assert "password_weak" in seeded(*arguments, code=base.REFUSED)
    assert seeded("user", "list", "--json") == []


@one_database
def test_keys_rotate_and_ask_in_an_emergency(seeded: Run, clock: Any) -> None:
    before = {row["kid"]: row["state"] for row in seeded("key", "list", "--json")}
    assert set(before.values()) == {"active"}
    kids = seeded("key", "rotate").split()
    after = {row["kid"]: row["state"] for row in seeded("key", "list", "--json")}
    assert all(after[kid] == "next" for kid in kids) and all(after[kid] == "active" for kid in before)
    assert "--yes" in seeded("key", "rotate", "--now", code=base.USAGE)
    now = seeded("key", "rotate", "--now", "--yes").split()
    listed = seeded("key", "list", "--json")
    assert {row["kid"] for row in listed if row["state"] == "active"} == set(now)
    assert {row["state"] for row in listed if row["kid"] not in now} == {"retired"}, "their turn never comes"
    clock.advance(2 * 86400)  # past the instant at which those would have been active
    assert {row["kid"]: row["state"] for row in seeded("key", "list", "--json")} == dict.fromkeys(now, "active")


@one_database
def test_check_tells_what_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ONIX_KEY_ENCRYPTION_KEY" in run("check", code=base.FAILED)
    run("db", "upgrade")
    assert run("check") == "ok\n"
    assert run("db", "check").startswith("at ")
    monkeypatch.setenv("ONIX_TRUSTED_PROXY", "1")
    monkeypatch.setenv("ONIX_PASSWORDS__CONCURRENCY", "2")
    assert run("check") == "Note: ONIX_TRUSTED_PROXY is no setting, so it does nothing\nok\n"


@one_database
def test_output_that_can_not_be_written_is_told(
    seeded: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import errno
    import os

    def full(*_said: Any, err: bool = False, **_how: Any) -> None:
        if not err:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        print(*_said)

    monkeypatch.setattr("click.echo", full)
    assert "No space left" in seeded("key", "list", code=base.REFUSED)


@one_database
def test_check_names_clients_of_apps_that_the_catalog_lacks(seeded: Run, world: Any) -> None:
    from idp.oidc.models import Client

    for client_id in ("scanner", "old-scanner", "unused-scanner"):
        world.client(client_id, client_id=client_id, app_id="tag", redirect_uris=["http://localhost:9999/callback"])
    assert seeded("check") == "ok\n"
    world.change(Client, "old-scanner", app_id="scan")
    world.change(Client, "unused-scanner", app_id="scan", status="disabled")
    assert seeded("check") == (
        "Note: client old-scanner is of the app scan, which the catalog lacks: its people hold nothing\nok\n"
    )


@one_database
def test_mail_test_says_what_the_server_said(seeded: Run, sink: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Not sent" in seeded("mail", "test", "kari@bedrift.example", code=base.FAILED)
    monkeypatch.setenv("ONIX_MAIL_URL", sink.url)
    assert "Sent to kari@bedrift.example" in seeded("mail", "test", "kari@bedrift.example", "--language", "nb")
    assert sink.wait("kari@bedrift.example").subject == "En testmelding fra Onix Account"
    assert "address_invalid" in seeded("mail", "test", "no address", code=base.REFUSED)


@one_database
def test_a_missing_database_is_its_own_code(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONIX_DATABASE_URL", "sqlite:////nowhere/at/all.sqlite3")
    run("org", "list", code=base.DATABASE)
