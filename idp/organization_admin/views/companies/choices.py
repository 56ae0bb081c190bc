"""What every page of companies needs: who may, which company the address names, and what stands on its frame."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField

from idp.kernel.forms import Optional
from idp.organizations import service
from idp.organizations.models import Company

from ...guard import acting

READ = ("account:companies.read", "account:companies.manage")
MANAGE = "account:companies.manage"


class CompanyForm(FlaskForm):
    """A company's name and organization number."""

    name = StringField(_l("Name"), render_kw={"maxlength": 200})
    organization_number = StringField(_l("Organization number"), [Optional()], render_kw={"maxlength": 40})
    version = HiddenField()


class ContactForm(FlaskForm):
    """A contact: the name is required to save, the e-mail to invite."""

    name = StringField(_l("Name"), render_kw={"maxlength": 200})
    email = StringField(_l("E-mail"), render_kw={"maxlength": 254})
    version = HiddenField()


def the_company(company_id: str) -> Company:
    """The company of the address. Raises `Refusal`: none of this supplier (404), or it is no supplier (403)."""
    supplier()
    return service.find_company(acting().organization.id, company_id)


def supplier() -> None:
    """Raises `Refusal` (403) where the organization has no current license of Onix Express."""
    service.check_supplier(acting().organization.id)


def frame(company: Company, tab: str) -> dict[str, Any]:
    """What the head of a company's pages shows: its places, and which tab is open."""
    return {"company": company, "tab": tab, "express": service.express_status(company), "may_manage": may_manage()}


def may_manage() -> bool:
    return acting().may(MANAGE)
