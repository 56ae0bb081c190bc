"""The words of a denial: a headline, what caused it, and what to do about it; and what others hear of its code.

The wording for the person is the help centre's ("Create an Onix Tag user with Onix Account"), in both languages. It is
data and no translation of templates, because it travels in tokens, in the language of the authorization, to
applications that have no words of their own. What an administrator and a program read says the same in another voice:
`VOICES` has them side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l


@dataclass(frozen=True, slots=True)
class Explanation:
    """Three sentences, or more, for a person. `cause` travels as `reason_user`, `remedy` as `remedy_user`."""

    headline: str
    cause: str
    remedy: str


_NO_ORGANIZATION = {
    "en": "You don't have access to any organization",
    "nb": "Du har ikke tilgang til noen organisasjon",
}
_NOT_THIS_ONE = {
    "en": "You don't have access to {organization} from this app.",
    "nb": "Du har ikke tilgang til {organization} fra denne appen.",
}
_DISABLED = {
    "en": "Your account is disabled",
    "nb": "Kontoen din er deaktivert",
}
_CLOSED = {
    "en": "Your account is closed",
    "nb": "Kontoen din er avsluttet",
}


class Voices(NamedTuple):
    """How a code is told beside its sentences, which are for the person.

    headline: what stands above them, in both languages. clause: the last words of a sentence in the audit trail,
    translated as a page is. title: to a program that acts for the person (RFC 9457 §3.1.3), of the person, in English;
    None where no program meets the code, because the API asks for no license.
    """

    headline: Mapping[str, str]
    clause: Any
    title: str | None


VOICES: Mapping[str, Voices] = {
    "account_disabled": Voices(_DISABLED, _l("the account is disabled"), "The person's account is disabled or closed"),
    "no_organization": Voices(
        _NO_ORGANIZATION, _l("not a user of any organization"), "The person is no user of any organization"
    ),
    "invitation_expired": Voices(
        _NO_ORGANIZATION, _l("the invitation has expired"), "The person's invitation has expired"
    ),
    "invitation_pending": Voices(
        _NO_ORGANIZATION, _l("the invitation is not accepted yet"), "The person has not accepted the invitation yet"
    ),
    "contact_only": Voices(_NO_ORGANIZATION, _l("only a contact"), "The person is a contact only, and no user"),
    "membership_ended": Voices(
        _NO_ORGANIZATION, _l("the membership has ended"), "The person is no user of the organization any more"
    ),
    "terminated_inactive": Voices(
        _NO_ORGANIZATION, _l("ended for inactivity"), "The person's access ended after a year without a sign-in"
    ),
    "member_disabled": Voices(_NO_ORGANIZATION, _l("disabled"), "The person is disabled in the organization"),
    "organization_suspended": Voices(
        _NOT_THIS_ONE, _l("the organization is suspended"), "The organization is suspended"
    ),
    "license_expired": Voices(_NOT_THIS_ONE, _l("the license has expired"), None),
    "seat_limit_reached": Voices(_NOT_THIS_ONE, _l("all licenses are in use"), None),
    "license_missing": Voices(_NOT_THIS_ONE, _l("no license is assigned"), None),
    "privilege_missing": Voices(
        _NOT_THIS_ONE, _l("no role gives the privilege to open it"), "The person's role lacks the privilege"
    ),
}
"""Every code of the decision, as each reader hears it."""

_EN = {
    "account_disabled": (
        "Your account has been disabled by the platform.",
        "Contact the support of Onix Work if you think that this is a mistake.",
    ),
    "account_disabled.closing": (
        "You have closed your account. It is erased soon.",
        "Sign in before that if you want to keep it.",
    ),
    "no_organization": (
        "You have no access to any organization. You have not become a user of any organization.",
        "Contact the administrator of your organization and ask for a user.",
    ),
    "invitation_expired": (
        "You were invited to become a user, but your invitation has expired.",
        "Contact the administrator of your organization and ask for a new invitation.",
    ),
    "invitation_pending": (
        "You have been invited to become a user, but you have not accepted your invitation yet.",
        "Open the invitation in your mailbox and accept it. If you can't find it, open Onix Account and have it sent "
        "again.",
    ),
    "contact_only": (
        "Your account is stored in the Onix Work of your organization as a contact. A contact is not a user, and has "
        "no license and no role.",
        "Contact the administrator of your organization and ask them to set you as an Active user instead of Contact "
        "only.",
    ),
    "membership_ended": (
        "An administrator has ended your access to {organization}.",
        "Contact the administrator of {organization} and ask to become a user again.",
    ),
    "membership_ended.left": (
        "You have left {organization}.",
        "Contact the administrator of {organization} and ask to become a user again.",
    ),
    "terminated_inactive": (
        "Your access to {organization} ended by itself, because you had not signed in for one year.",
        "Contact the administrator of {organization} and ask for a new invitation.",
    ),
    "member_disabled": (
        "An administrator of {organization} has disabled your user.",
        "Contact the administrator of {organization} and ask them to enable your user.",
    ),
    "organization_suspended": (
        "{organization} is suspended, so nobody can use {app} for it at the moment.",
        "Contact the administrator of your organization: the suspension has to be lifted by Onix Work.",
    ),
    "license_expired": (
        "Your license of {app} has expired.",
        "Contact the administrator of your organization and ask them to renew the license of {app}.",
    ),
    "license_expired.organization": (
        "The license of {app} for {organization} has expired.",
        "Contact the administrator of {organization} and ask them to renew the license of {app}.",
    ),
    "seat_limit_reached": (
        "You are listed in your organization, but all its licenses of {app} are in use.",
        "Contact the administrator of your organization and ask for one more license of {app}, or for one that becomes "
        "free.",
    ),
    "license_missing": (
        "Your account was listed in your organization, however, you have no license of {app} assigned.",
        "Contact the administrator of your organization and ask them to assign you a license so that you can become a "
        "user.",
    ),
    "license_missing.organization": (
        "{organization} has no license of {app}, so nobody can use it there.",
        "Contact the administrator of {organization} and ask for a license of {app}.",
    ),
    "privilege_missing.no_role": (
        "You have a license, but no role has been assigned to you, so you can't access {app}.",
        "Contact the administrator of your organization and ask them to assign you a role with the privilege to access "
        "{app}.",
    ),
    "privilege_missing.role": (
        "You became a user, but your role doesn't have the privilege to access {app}.",
        "Contact the administrator of your organization and ask them to reassign your role or give you the privilege "
        "to access {app}.",
    ),
}

_NB = {
    "account_disabled": (
        "Kontoen din er deaktivert av plattformen.",
        "Kontakt brukerstøtten til Onix Work hvis du mener at dette er en feil.",
    ),
    "account_disabled.closing": (
        "Du har avsluttet kontoen din. Den slettes snart.",
        "Logg inn før det hvis du vil beholde den.",
    ),
    "no_organization": (
        "Du har ikke tilgang til noen organisasjon. Du er ikke blitt bruker i noen organisasjon.",
        "Kontakt administratoren i organisasjonen din og be om å få en bruker.",
    ),
    "invitation_expired": (
        "Du ble invitert til å bli bruker, men invitasjonen er utløpt.",
        "Kontakt administratoren i organisasjonen din og be om en ny invitasjon.",
    ),
    "invitation_pending": (
        "Du er invitert til å bli bruker, men du har ikke godtatt invitasjonen ennå.",
        "Åpne invitasjonen i innboksen din og godta den. Finner du den ikke, kan du åpne Onix Account og få den "
        "tilsendt på nytt.",
    ),
    "contact_only": (
        "Kontoen din er lagret som kontakt i organisasjonens Onix Work. En kontakt er ikke en bruker, og har verken "
        "lisens eller rolle.",
        "Kontakt administratoren i organisasjonen din og be dem sette deg som Aktiv bruker i stedet for Kun kontakt.",
    ),
    "membership_ended": (
        "En administrator har avsluttet tilgangen din til {organization}.",
        "Kontakt administratoren i {organization} og be om å bli bruker igjen.",
    ),
    "membership_ended.left": (
        "Du har forlatt {organization}.",
        "Kontakt administratoren i {organization} og be om å bli bruker igjen.",
    ),
    "terminated_inactive": (
        "Tilgangen din til {organization} ble avsluttet automatisk fordi du ikke hadde logget inn på ett år.",
        "Kontakt administratoren i {organization} og be om en ny invitasjon.",
    ),
    "member_disabled": (
        "En administrator i {organization} har deaktivert brukeren din.",
        "Kontakt administratoren i {organization} og be dem aktivere brukeren din.",
    ),
    "organization_suspended": (
        "{organization} er suspendert, så ingen kan bruke {app} for den akkurat nå.",
        "Kontakt administratoren i organisasjonen din: suspensjonen må oppheves av Onix Work.",
    ),
    "license_expired": (
        "Lisensen din for {app} er utløpt.",
        "Kontakt administratoren i organisasjonen din og be dem fornye lisensen for {app}.",
    ),
    "license_expired.organization": (
        "Lisensen {organization} hadde for {app}, er utløpt.",
        "Kontakt administratoren i {organization} og be dem fornye lisensen for {app}.",
    ),
    "seat_limit_reached": (
        "Du står oppført i organisasjonen din, men alle lisensene for {app} er i bruk.",
        "Kontakt administratoren i organisasjonen din og be om én lisens til for {app}, eller om en som blir ledig.",
    ),
    "license_missing": (
        "Kontoen din står oppført i organisasjonen din, men du har ikke fått tildelt noen lisens for {app}.",
        "Kontakt administratoren i organisasjonen din og be dem tildele deg en lisens, slik at du kan bli bruker.",
    ),
    "license_missing.organization": (
        "{organization} har ingen lisens for {app}, så ingen kan bruke den der.",
        "Kontakt administratoren i {organization} og be om en lisens for {app}.",
    ),
    "privilege_missing.no_role": (
        "Du har lisens, men du har ikke fått tildelt noen rolle, så du har ikke tilgang til {app}.",
        "Kontakt administratoren i organisasjonen din og be dem tildele deg en rolle med tilgang til {app}.",
    ),
    "privilege_missing.role": (
        "Du er blitt bruker, men rollen din gir ikke tilgang til {app}.",
        "Kontakt administratoren i organisasjonen din og be dem bytte rollen din eller gi deg tilgang til {app}.",
    ),
}

_SENTENCES = {"en": _EN, "nb": _NB}
_UNNAMED = {
    "en": {"app": "this app", "organization": "your organization"},
    "nb": {"app": "denne appen", "organization": "organisasjonen din"},
}


def explain(
    code: str, detail: str | None, *, app_name: str | None, organization_name: str | None, language: str
) -> Explanation:
    """The words for a denial's code; `language` is `en` or `nb`, every other reads English.

    `detail` is the decision's. Names may be None: the sentences then speak of "this app" and
    "your organization". Raises KeyError for a code that the decision does not know.
    """
    tongue = language if language in _SENTENCES else "en"
    names = {
        "app": app_name or _UNNAMED[tongue]["app"],
        "organization": organization_name or _UNNAMED[tongue]["organization"],
    }
    key = f"{code}.{detail}"
    if code == "privilege_missing":
        key = f"{code}.{'no_role' if detail == 'no_role' else 'role'}"
    elif key not in _EN:
        key = code
    cause, remedy = _SENTENCES[tongue][key]
    headline = (_CLOSED if key == "account_disabled.closing" else VOICES[code].headline)[tongue]
    return Explanation(*(_fill(sentence, names) for sentence in (headline, cause, remedy)))


def details_of(code: str) -> tuple[str | None, ...]:
    """The decision's details that have sentences of their own under this code; None where it has some without."""
    return tuple(key.partition(".")[2] or None for key in _EN if key.partition(".")[0] == code)


def _fill(sentence: str, names: dict[str, str]) -> str:
    """Put the names in, braces in them and all; a sentence that begins with one begins with a capital letter."""
    filled = sentence.format(**names)
    return filled[:1].upper() + filled[1:]
