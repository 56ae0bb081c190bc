"""Fixtures of the whole suite. A test that touches the database runs twice: on SQLite and on PostgreSQL.

`app` is an application over a fresh database; `client` its browser; `context` an open application context for tests of
services. `world` makes organizations and people; `statements` counts SQL; `clock` moves time; `sink` takes mail;
`server` starts the provider as real processes; `page` and `axe` are a real browser.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

for _name in [name for name in os.environ if name.startswith(("ONIX_", "RP_"))]:
    del os.environ[_name]


from tests.support.compiled import Sql as _Sql  # noqa: E402 (the path must stand first)
from tests.support.compiled import Templates as _Templates  # noqa: E402
from tests.support.compiled import keep_routes as _keep_routes  # noqa: E402
from tests.support.configuration import settings as _settings  # noqa: E402
from tests.support.databases import Databases  # noqa: E402
from tests.support.keys import Kept  # noqa: E402
from tests.support.mail import Sink  # noqa: E402
from tests.support.postgresql import Cluster  # noqa: E402
from tests.support.redis import Redis  # noqa: E402
from tests.support.server import Provider  # noqa: E402
from tests.support.statements import Statements, counting  # noqa: E402

_keep_routes()

# How long an example takes is the machine's affair.
# Which examples there are is decided by the code: a change fails for what it changed. `make fuzz` looks for others.
_fuzz = "FUZZ_EXAMPLES" in os.environ
hypothesis_settings.register_profile(
    "suite", hypothesis_settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=not _fuzz,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "100")),
)  # fmt: skip
hypothesis_settings.load_profile("suite")


SHARING = {ROOT / "tests" / "journeys", ROOT / "tests" / "acceptance"}
"""Folders whose files share a demo: one process runs all of them, so that there is one of each."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that at the end of the run no core waits for another's long file."""
    slow = {item.path for item in items if any(item.iter_markers("slow")) or any(item.iter_markers("browser"))}
    items.sort(key=lambda item: (item.path.parent not in SHARING, item.path not in slow))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile`: a file goes to one process, and so does a folder that shares."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = Path(nodeid.partition("::")[0])
            return str(path.parent if ROOT / path.parent in SHARING else path)

    return Scheduling(config, log)


_templates, _sql = _Templates(), _Sql()


class _Lazy:
    """Something slow that is started at the first use and stopped at the end of the run."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._made = make, None

    def __call__(self) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made

    def stop(self) -> None:
        if self._made is not None:
            self._made.stop()


@pytest.fixture(scope="session")
def _cluster() -> Iterator[_Lazy]:
    lazy = _Lazy(Cluster)
    yield lazy
    lazy.stop()


@pytest.fixture(scope="session")
def postgresql(_cluster: _Lazy) -> Cluster:
    """A throw-away PostgreSQL 15, one for each test process."""
    return _cluster()  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """A throw-away Redis 7."""
    redis = Redis()
    yield redis
    redis.stop()


@pytest.fixture(scope="session")
def databases(_cluster: _Lazy, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Makes fresh databases of either kind: `with databases.fresh("postgresql") as url`."""
    return Databases(tmp_path_factory.mktemp("databases"), _cluster)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """A fresh, migrated database; each test that asks for it runs on both kinds.

    `@one_database` (`tests.support.databases`) runs a test on one.
    """
    with databases.fresh(request.param) as url:
        yield url


@pytest.fixture
def app_settings() -> dict[str, Any]:
    """Settings that a test module wants otherwise than usual; override this fixture there."""
    return {}


@contextmanager
def _application(url: str, **overrides: Any) -> Iterator[Any]:
    from idp import create_app
    from idp.kernel.database import db

    app = create_app(_settings(url, **overrides))
    app.testing = True
    app.jinja_env.bytecode_cache = _templates
    with app.app_context():
        _sql.share(db.engines)
    yield app
    with app.app_context():
        db.session.remove()
        _sql.learn(db.engines)
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def make_app() -> Iterator[Callable[..., Any]]:
    """`make_app(url, **settings)` gives one more application, as another process would be."""
    with ExitStack() as stack:
        yield lambda url, **overrides: stack.enter_context(_application(url, **overrides))


@pytest.fixture
def app(database_url: str, make_app: Callable[..., Any], app_settings: dict[str, Any]) -> Any:
    """The application on a fresh database. No context is open: requests open their own."""
    return make_app(database_url, **app_settings)


@pytest.fixture
def context(app: Any) -> Iterator[Any]:
    """An open application context, for tests that call services; not together with `client` in one block."""
    with app.app_context():
        yield app


@pytest.fixture
def do(context: Any) -> Callable[..., Any]:
    """`do(service.verb, ...)` calls one verb in a unit of its own."""
    from idp.kernel.database import unit_of_work

    def call(verb: Callable[..., Any], *args: Any, **values: Any) -> Any:
        with unit_of_work():
            return verb(*args, **values)

    return call


@pytest.fixture
def client(app: Any) -> Any:
    """A browser at the issuer's address."""
    return app.test_client()


def _world_of(app: Any) -> Any:
    from tests.support.world import World

    class _InContext(World):
        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if name.startswith("_") or not callable(found):
                return found

            def call(*args: Any, **values: Any) -> Any:
                from flask import has_app_context

                if has_app_context():
                    return found(*args, **values)
                with app.app_context():
                    return found(*args, **values)

            return call

    return _InContext()


@pytest.fixture
def world(app: Any) -> Any:
    """Makes organizations, people, roles and licenses as rows. Each call opens the context that it needs."""
    return _world_of(app)


@pytest.fixture
def protocol(app: Any, world: Any, client: Any) -> Any:
    """The machine's side of the protocol: a client, a person who may use Tag, codes, and what is asked with them."""
    from tests.support.protocol import Protocol

    return Protocol(app, world, client)


# What these fixtures start runs in processes of its own, and there time passes.
_PROCESSES = {"server", "live", "lasting", "demo"}


@pytest.fixture(autouse=True)
def clock(request: pytest.FixtureRequest) -> Iterator[Any]:
    """`clock.advance(seconds)` moves the provider's time ahead for this test only; `clock.now()` reads it.

    In between the clock stands still, the provider's and the applications' of this process, so that a test may count
    single seconds however slow the machine is; nor do the signing keys grow stale that an application has read, so that
    statements may be counted. Beside processes of their own it runs as theirs does, and with
    `@pytest.mark.running_clock`.
    """
    from clients.relying_party import clock as applications
    from idp.kernel import clock as provider

    provider.reset()
    with pytest.MonkeyPatch.context() as patch:
        if not _PROCESSES & set(request.fixturenames) and request.node.get_closest_marker("running_clock") is None:
            start = provider.now()
            still = SimpleNamespace(time=lambda: start)
            patch.setattr(provider, "time", still)
            patch.setattr(applications, "time", still)
            patch.setattr("idp.oidc.keys.REREAD_AFTER", math.inf)
        yield provider
    provider.reset()


_rsa = Kept()


@pytest.fixture(autouse=True)
def _kept_keys() -> Iterator[None]:
    """New signing keys of a database are new to it; that this process had made them before is told nowhere."""
    _rsa.begin()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("idp.oidc.keys.RSAKey", _rsa)
        yield


@pytest.fixture
def statements() -> Callable[[], Any]:
    """`with statements() as seen:` counts the SQL of the block: `len(seen)`, `seen.commits`, `str(seen)`."""
    return counting


@pytest.fixture(scope="session")
def _sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.stop()


@pytest.fixture
def sink(_sink: Sink) -> Sink:
    """A real SMTP server; `sink.url` for `ONIX_MAIL_URL`, `sink.wait(address)` for what came."""
    _sink.clear()
    return _sink


@pytest.fixture
def server(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Callable[..., Provider]]:
    """`server(database="postgresql", processes=3, worker=True, ONIX_X=...)` starts the provider as real processes."""
    with ExitStack() as stack:

        def start(database: str = "postgresql", url: str | None = None, **options: Any) -> Provider:
            url = url or stack.enter_context(databases.fresh(database))
            return stack.enter_context(Provider(url, tmp_path, **options))

        yield start


@pytest.fixture
def live(server: Callable[..., Provider], make_app: Callable[..., Any]) -> Callable[..., Any]:
    """`live(database="sqlite", processes=1, ...)`: the provider as processes, with `world` and `application` for it."""
    from tests.support.live import Live

    def start(**options: Any) -> Any:
        provider = server(**options)
        app = make_app(provider.database_url, issuer=provider.issuer)
        return Live(provider, app, _world_of(app))

    return start


@pytest.fixture(scope="module")
def lasting(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """`lasting(...)` is `live(...)` for all tests of a module, which then take names of their own."""
    from tests.support.live import Live

    with ExitStack() as stack:

        def start(database: str = "postgresql", **options: Any) -> Any:
            url = stack.enter_context(databases.fresh(database))
            provider = stack.enter_context(Provider(url, tmp_path_factory.mktemp("lasting"), **options))
            app = stack.enter_context(_application(url, issuer=provider.issuer))
            return Live(provider, app, _world_of(app))

        yield start


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for the run; a person's browser is a context of it."""
    from tests.support.browsers import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def visitors(browser: Any) -> Iterator[Callable[..., Any]]:
    """`visitors(locale="nb-NO")` gives a page in a new browser context: another person's browser."""
    contexts = []

    def visit(**options: Any) -> Any:
        options.setdefault("locale", "en-GB")
        browser_context = browser.new_context(**options)
        browser_context.set_default_timeout(60_000)
        contexts.append(browser_context)
        return browser_context.new_page()

    yield visit
    for browser_context in contexts:
        browser_context.close()


@pytest.fixture
def page(visitors: Callable[..., Any]) -> Any:
    """A page in a fresh browser, English, light."""
    return visitors()


@pytest.fixture
def axe() -> Callable[[Any], list[str]]:
    """`axe(page)` gives what axe finds; an empty list is what a page must give."""
    from tests.support.browsers import axe as run

    return run


__all__ = ["Statements"]
