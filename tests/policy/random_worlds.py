"""Random members with everything the decision asks about them, for properties that hold in every world."""

from __future__ import annotations

from hypothesis import strategies as st

from idp.organizations.policy import LicenseFacts, MemberFacts, OrganizationFacts, RoleFacts
from tests.policy.worlds import CATALOG, NOW

APPS = sorted(name for name, app in CATALOG.apps.items() if app.resource == f"urn:onix:{name}")
PRIVILEGES = sorted(name for app in CATALOG.apps.values() for name in app.privileges)
EDITIONS = sorted(name for app in CATALOG.apps.values() for name in app.editions)
names = st.text(min_size=1, max_size=20).filter(str.strip) | st.sampled_from(
    ["iss", "exp", '{"sub":"x"}', "{app}", "Ørn"]
)
instants = st.integers(NOW - 5, NOW + 5)

licenses = st.builds(
    lambda number, edition, seats, held, starts_at, ends_at: LicenseFacts(
        f"l{number}", edition.partition(":")[0], edition, seats, held, starts_at, ends_at
    ),
    st.integers(0, 3), st.sampled_from(EDITIONS), st.integers(0, 2), st.integers(0, 2), instants, st.none() | instants,
)  # fmt: skip
roles = st.builds(
    RoleFacts, st.uuids().map(str), names, st.booleans(),
    st.frozensets(st.sampled_from([*PRIVILEGES, *(f"{app}:access" for app in APPS), "nobody:knows"]), max_size=8),
)  # fmt: skip
members = st.builds(
    MemberFacts,
    id=st.uuids().map(str),
    type=st.sampled_from(["employee", "express", "bidder", "consultant"]),
    status=st.sampled_from(["active", "active", "active", "contact", "disabled", "ended"]),
    organization=st.builds(
        OrganizationFacts, st.uuids().map(str), st.just("slug"), names, st.sampled_from(["customer", "self"]),
        st.sampled_from(["active", "active", "suspended"]), st.integers(1, 9),
    ),
    ended_reason=st.sampled_from([None, "ended", "inactive"]),
    account_linked=st.sampled_from([True, True, True, False]),
    invitation=st.sampled_from(["none", "pending", "expired"]),
    company_id=st.none() | st.just("c"),
    company_name=names,
    roles=st.lists(roles, max_size=3).map(tuple),
    seats=st.frozensets(st.sampled_from(["l0", "l1", "l2", "l3"])),
    licenses=st.lists(licenses, max_size=4, unique_by=lambda one: one.id).map(tuple),
    administrators=st.lists(names, max_size=5).map(tuple),
)  # fmt: skip
