"""Job: what the worker still has to compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from idp.kernel import language
from idp.kernel.records import Column, Scope, Table
from idp.organizations import records as organizations

from ..models import LossCheck
from .rights import PLATFORM


@dataclass(frozen=True, slots=True)
class JobRow:
    """An organization whose authorizations the worker is comparing with today's decision."""

    job: LossCheck
    place: str


def _job_rows(found: Sequence[LossCheck], _scope: Scope) -> list[JobRow]:
    places = organizations.names_of({one.organization_id for one in found})
    return [JobRow(one, places.get(one.organization_id, one.organization_id)) for one in found]


JOB = Table(
    zone="delivery",
    name="job",
    title=_l("Job"),
    key=LossCheck.id,
    read=PLATFORM,
    select=lambda _scope: select(LossCheck),
    rows=_job_rows,
    columns=(
        Column("organization", _l("Organization"), lambda row: row.place),
        Column(
            "state",
            _l("Status"),
            lambda row: ("late", _l("Under way")) if row.job.cursor else ("plain", _l("Waiting")),
            kind="state",
        ),
        Column("since", _l("Since"), lambda row: row.job.created_at, kind="time", sort=LossCheck.created_at),
    ),
    sort="since",
    facts=lambda row: (
        (_l("Work"), _l("Tell the applications of everybody who lost access in the organization")),
        (_l("Organization"), row.place),
        (_l("Since"), language.at_time(row.job.created_at)),
        (_l("Id"), row.job.id),
    ),
    name_of=lambda row: str(row.place),
    empty=_l("No work is waiting for the worker."),
)
