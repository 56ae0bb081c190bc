"""Three web processes behind a round-robin on one PostgreSQL: nothing is kept on a node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from idp.kernel.database import db
from idp.oidc.models import Authorization, RefreshToken
from tests.support.flow import Application, Visitor, query_of
from tests.support.forms import form_with
from tests.support.live import CALLBACK, Live
from tests.support.races import at_once
from tests.support.redis import Redis

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]


class Hurried(Visitor):
    """A visitor in a cluster that loses a process before each of its steps, and gets it back one step later."""

    here: Live
    gone: int | None = None
    kills: int = 0

    def strike(self) -> None:
        self.rest()
        provider = self.here.provider
        ports = sorted(provider.web)
        self.gone = ports[self.kills % len(ports)]
        self.kills += 1
        provider.kill(self.gone)

    def rest(self) -> None:
        """All processes stand again."""
        if self.gone is not None:
            self.here.provider.start_web(self.gone)
            self.gone = None

    def get(self, url: str, **options: Any) -> requests.Response:
        self.strike()
        return super().get(url, **options)

    def post(self, url: str, data: dict[str, str], **options: Any) -> requests.Response:
        self.strike()
        return super().post(url, data, **options)


@pytest.fixture(scope="module")
def cluster(lasting: Callable[..., Live]) -> Live:
    return lasting(database="postgresql", processes=3)


def test_a_process_killed_before_any_step_loses_nothing(cluster: Live) -> None:
    """A process dies before each request of a sign-in: the person notices nothing, and the tokens are good."""
    person = cluster.world.user()
    application = cluster.application("hurried")
    visitor = Hurried(person.address, cluster.world.password)
    visitor.here = cluster
    proxy = cluster.provider.proxy
    assert proxy
    before = len(proxy.served)
    url, verifier = application.authorization_url()
    code = query_of(visitor.walk(url, CALLBACK))["code"]
    assert visitor.kills >= 4
    visitor.strike()
    tokens = application.redeem(code, verifier).json()
    visitor.strike()
    fresh = application.refresh(tokens["refresh_token"])
    assert fresh.status_code == 200, fresh.text
    visitor.strike()
    answer = application.userinfo(fresh.json()["access_token"])
    assert answer.json()["sub"] == person.account_id
    assert len(set(proxy.served[before:])) == 3
    visitor.rest()


def test_all_processes_share_their_keys(cluster: Live) -> None:
    """Three processes that start at once on an empty database end up with one set of keys."""
    sets = [
        requests.get(f"http://127.0.0.1:{port}/oauth2/jwks", headers=cluster.provider.host, timeout=30).json()
        for port in cluster.provider.web
    ]
    assert sets[0]["keys"]
    assert all(found == sets[0] for found in sets)
    counted = Counter((key["alg"], key["use"]) for key in sets[0]["keys"])
    assert set(counted) == {("RS256", "sig"), ("ES256", "sig")}


def _attempts(cluster: Live, address: str, password: str, count: int) -> list[requests.Response]:
    visitor = Visitor(address, password)
    found = []
    for _ in range(count):
        page = visitor.get(cluster.provider.url("/login"))
        form = form_with(page.text, "password", page.url)
        found.append(visitor.post(form.action, form.filled(identifier=address, password=password)))
    return found


def test_the_throttle_is_not_tripled(live: Callable[..., Live]) -> None:
    """Ten failures are ten, wherever they landed; then even the right password waits (R24)."""
    cluster = live(database="postgresql", processes=3)
    person = cluster.world.account()
    failed = _attempts(cluster, person.address, "not the right one at all", 12)
    assert [answer.status_code == 429 for answer in failed] == [False] * 10 + [True] * 2
    assert int(failed[-1].headers["Retry-After"]) > 0
    right = _attempts(cluster, person.address, cluster.world.password, 3)
    assert {answer.status_code for answer in right} == {429}


def test_parallel_failures_are_all_counted(live: Callable[..., Live]) -> None:
    """Thirty guesses at once over three processes: at most ten of them were judged."""
    cluster = live(database="postgresql", processes=3, ONIX_THROTTLE__FAILURES_PER_ADDRESS="1000")
    person = cluster.world.account()
    forms = []
    for _ in range(30):
        visitor = Visitor(person.address, "wrong")
        page = visitor.get(cluster.provider.url("/login"))
        forms.append((visitor, form_with(page.text, "password", page.url)))
    answers = at_once(
        [
            lambda v=visitor, f=form: v.post(
                f.action, f.filled(identifier=person.address, password="wrong wrong wrong")
            )
            for visitor, form in forms
        ]
    )
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[429] >= 20, statuses
    assert set(statuses) <= {200, 400, 401, 422, 429}, statuses
    assert _attempts(cluster, person.address, cluster.world.password, 1)[0].status_code == 429


def test_twenty_redemptions_of_one_code(cluster: Live) -> None:
    """One success, and because the code was shown again, afterwards no token lives (RFC 6749 §4.1.2, R05)."""
    person = cluster.world.user()
    application = cluster.application("redeems")
    visitor = cluster.visitor(person)
    for _ in range(3):
        code, verifier = application.code_for(visitor)
        answers = at_once([lambda c=code, v=verifier: _twin(application).redeem(c, v) for _ in range(20)])
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses == {200: 1, 400: 19}, statuses
        assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
        tokens = next(answer for answer in answers if answer.status_code == 200).json()
        assert application.introspect(tokens["access_token"]) == {"active": False}
        assert application.introspect(tokens["refresh_token"]) == {"active": False}
        assert application.userinfo(tokens["access_token"]).status_code == 401
        assert application.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def _twin(application: Application) -> Application:
    """The same client on connections of its own."""
    return Application(
        application.issuer, application.client_id, application.secret, application.redirect_uri, application.scope
    )


def _living_refresh_tokens(cluster: Live, client_id: str) -> int:
    with cluster.app.app_context():
        return int(
            db.session.scalar(
                select(func.count())
                .select_from(RefreshToken)
                .join(Authorization, Authorization.id == RefreshToken.authorization_id)
                .where(
                    Authorization.client_id == client_id,
                    RefreshToken.spent_at.is_(None),
                    Authorization.withdrawn_at.is_(None),
                )
            )
            or 0
        )


def test_twenty_refreshes_of_one_token_by_a_confidential_client(cluster: Live) -> None:
    """Within the grace a confidential client may repeat itself; however many succeed, one successor lives at most."""
    application = cluster.application("repeats")
    tokens = application.tokens_for(cluster.visitor(cluster.world.user()))
    answers = at_once([lambda: _twin(application).refresh(tokens["refresh_token"]) for _ in range(20)])
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 400}, statuses
    assert statuses[200] >= 1
    given = [answer.json()["refresh_token"] for answer in answers if answer.status_code == 200]
    assert len(set(given)) == len(given)
    assert _living_refresh_tokens(cluster, application.client_id) <= 1
    living = [token for token in given if application.introspect(token)["active"]]
    assert len(living) == _living_refresh_tokens(cluster, application.client_id)
    if living:
        assert application.refresh(living[0]).status_code == 200


def test_twenty_refreshes_of_one_token_by_a_public_client(cluster: Live) -> None:
    """A public client has no grace: the second use withdraws the authorization (RFC 9700 §4.14)."""
    application = cluster.application("a-spa", kind="spa", secret=None)
    tokens = application.tokens_for(cluster.visitor(cluster.world.user()))
    answers = at_once([lambda: _twin(application).refresh(tokens["refresh_token"]) for _ in range(20)])
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] <= 1, statuses
    assert set(statuses) <= {200, 400}, statuses
    assert _living_refresh_tokens(cluster, application.client_id) == 0
    for answer in answers:
        if answer.status_code == 200:
            assert application.userinfo(answer.json()["access_token"]).status_code == 401


def test_rates_are_shared_through_redis(live: Callable[..., Live], redis_server: Redis) -> None:
    """With Redis the rate of form posts per address counts over all processes."""
    cluster = live(
        database="postgresql",
        processes=3,
        ONIX_REDIS_URL=redis_server.url,
        ONIX_THROTTLE__REQUESTS_PER_MINUTE="20",
        ONIX_THROTTLE__FAILURES_PER_ADDRESS="1000",
    )
    visitor = Visitor("nobody@test.example", "wrong")
    page = visitor.get(cluster.provider.url("/login"))
    form = form_with(page.text, "password", page.url)
    began = monotonic()
    statuses = [
        visitor.post(form.action, form.filled(identifier=f"n{number}@test.example", password="wrong")).status_code
        for number in range(50)
    ]
    # The window slides: while these are posted, it lets go of as many as it lasts seconds, divided by three.
    refilled = (monotonic() - began) / 3
    assert 429 not in statuses[:15], statuses
    assert Counter(statuses)[400] <= 20 + refilled + 1, (statuses, refilled)


def test_a_redis_that_dies_stops_nobody(live: Callable[..., Live]) -> None:
    """Rates fall back to memory; sign-in goes on."""
    redis = Redis()
    cluster = live(database="postgresql", processes=3, ONIX_REDIS_URL=redis.url)
    redis.process.kill()
    person = cluster.world.user()
    application = cluster.application()
    assert application.tokens_for(cluster.visitor(person))["access_token"]
