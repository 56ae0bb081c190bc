# ruff: noqa: E501 -- sentences stay whole, so that they can be found
"""What the applications say, in English and Bokmål.

The sentences of a denial come in the token; here are the headlines, and sentences for a token that carries none.
Texts of pages are looked up by their English sentence: `text("Sign in", "nb")`.
"""

from __future__ import annotations

from typing import NamedTuple

LANGUAGES = ("en", "nb")
LANGUAGE_NAMES = {"en": "English", "nb": "Norsk bokmål"}
ROLES = {
    "Inspector": "Kontrollør",
    "Tag reader": "Tag-leser",
    "Picker": "Plukker",
    "Pick and Pack reader": "Pick and Pack-leser",
    "Order handler": "Ordrebehandler",
    "Customer contact": "Kundekontakt",
    "Express reader": "Express-leser",
    "Express guest": "Express-gjest",
    "Bidder": "Tilbyder",
    "Consultant": "Konsulent",
    "Platform administrator": "Plattformadministrator",
}
"""The family's own roles in Bokmål; a token names a role as it is stored, and an organization's own stays as it is."""
MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "nb": ("jan.", "feb.", "mars", "apr.", "mai", "juni", "juli", "aug.", "sep.", "okt.", "nov.", "des."),
}


class Denial(NamedTuple):
    """Headline, cause and what to do, each a sentence of its own."""

    headline: str
    cause: str
    remedy: str


NO_ORGANIZATION = {
    "en": "You don't have access to any organization",
    "nb": "Du har ikke tilgang til noen organisasjon",
}
NOT_FROM_THIS_APP = {
    "en": "You don't have access to {organization} from this app.",
    "nb": "Du har ikke tilgang til {organization} fra denne appen.",
}
NOT_OPEN = {
    "en": "This app could not be opened",
    "nb": "Appen kunne ikke åpnes",
}

_ASK_USER = {
    "en": "Contact the administrator of your organization and ask for a user.",
    "nb": "Kontakt administratoren i organisasjonen din og be om en bruker.",
}
_ASK_LICENSE = {
    "en": "Contact the administrator of your organization and ask them to assign you a license.",
    "nb": "Kontakt administratoren i organisasjonen din og be om å få tildelt en lisens.",
}
_AGAIN = {"en": "Sign in again.", "nb": "Logg inn på nytt."}

_SENTENCES: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str]]] = {
    "account_disabled": (
        {"en": "Your account is disabled", "nb": "Kontoen din er deaktivert"},
        {"en": "Your account has been disabled by the platform.", "nb": "Kontoen din er deaktivert av plattformen."},
        {
            "en": "Contact the support of Onix Work if you think that this is a mistake.",
            "nb": "Kontakt brukerstøtten til Onix Work hvis du mener at dette er en feil.",
        },
    ),
    "no_organization": (
        NO_ORGANIZATION,
        {"en": "You have not become a user of any organization.", "nb": "Du er ikke bruker i noen organisasjon."},
        _ASK_USER,
    ),
    "invitation_pending": (
        NO_ORGANIZATION,
        {"en": "Your invitation has not been accepted yet.", "nb": "Invitasjonen din er ikke godtatt ennå."},
        {"en": "Accept the invitation in your mailbox.", "nb": "Godta invitasjonen i innboksen din."},
    ),
    "invitation_expired": (
        NO_ORGANIZATION,
        {"en": "Your invitation has expired.", "nb": "Invitasjonen din er utløpt."},
        {"en": "Ask for a new invitation.", "nb": "Be om en ny invitasjon."},
    ),
    "contact_only": (
        NO_ORGANIZATION,
        {
            "en": "Your account is stored in your organization as a contact, and a contact is not a user.",
            "nb": "Kontoen din er lagret i organisasjonen som en kontakt, og en kontakt er ikke en bruker.",
        },
        {
            "en": "Contact the administrator of your organization and ask to be set as an Active user.",
            "nb": "Kontakt administratoren i organisasjonen din og be om å bli satt som aktiv bruker.",
        },
    ),
    "membership_ended": (
        NO_ORGANIZATION,
        {"en": "Your user in the organization was ended.", "nb": "Brukeren din i organisasjonen er avsluttet."},
        _ASK_USER,
    ),
    "terminated_inactive": (
        NO_ORGANIZATION,
        {
            "en": "Your user was ended because it had not been used for a long time.",
            "nb": "Brukeren din ble avsluttet fordi den ikke var brukt på lenge.",
        },
        _ASK_USER,
    ),
    "member_disabled": (
        NO_ORGANIZATION,
        {"en": "Your user in the organization is disabled.", "nb": "Brukeren din i organisasjonen er deaktivert."},
        {
            "en": "Contact the administrator of your organization and ask to be enabled.",
            "nb": "Kontakt administratoren i organisasjonen din og be om å bli aktivert.",
        },
    ),
    "organization_suspended": (
        NOT_FROM_THIS_APP,
        {"en": "The organization is suspended.", "nb": "Organisasjonen er suspendert."},
        {
            "en": "Contact the administrator of your organization.",
            "nb": "Kontakt administratoren i organisasjonen din.",
        },
    ),
    "license_expired": (
        NOT_FROM_THIS_APP,
        {"en": "Your license has ended.", "nb": "Lisensen din er utløpt."},
        _ASK_LICENSE,
    ),
    "seat_limit_reached": (
        NOT_FROM_THIS_APP,
        {
            "en": "All licenses of your organization are in use.",
            "nb": "Alle lisensene til organisasjonen din er i bruk.",
        },
        _ASK_LICENSE,
    ),
    "license_missing": (
        NOT_FROM_THIS_APP,
        {"en": "You have no license assigned.", "nb": "Du har ikke fått tildelt noen lisens."},
        _ASK_LICENSE,
    ),
    "privilege_missing": (
        NOT_FROM_THIS_APP,
        {
            "en": "Your role doesn't have the privilege to open this app.",
            "nb": "Rollen din har ikke rettigheten til å åpne denne appen.",
        },
        {
            "en": "Contact the administrator of your organization and ask for another role or for the privilege.",
            "nb": "Kontakt administratoren i organisasjonen din og be om en annen rolle eller om rettigheten.",
        },
    ),
    "token_expired": (
        NOT_OPEN,
        {"en": "Your sign-in has run out.", "nb": "Innloggingen din er utløpt."},
        _AGAIN,
    ),
    "wrong_application": (
        NOT_OPEN,
        {"en": "Your sign-in was for another app.", "nb": "Innloggingen din gjaldt en annen app."},
        _AGAIN,
    ),
    "machine": (
        NOT_OPEN,
        {"en": "This app is for people only.", "nb": "Denne appen er bare for mennesker."},
        {"en": "Sign in as a person.", "nb": "Logg inn som person."},
    ),
    "token_unreadable": (
        NOT_OPEN,
        {
            "en": "The answer from Onix Account does not say that you may use this app.",
            "nb": "Svaret fra Onix Account sier ikke at du kan bruke denne appen.",
        },
        {
            "en": "Sign in again, and contact the administrator of your organization if that does not help.",
            "nb": "Logg inn på nytt, og kontakt administratoren i organisasjonen din hvis det ikke hjelper.",
        },
    ),
}
CODES = tuple(_SENTENCES)


def denial(code: str, language: str, organization: str | None) -> Denial:
    """The headline and stand-in sentences of a code. An unknown code gets the general ones: it denies all the same."""
    language = language if language in LANGUAGES else "en"
    headline, cause, remedy = _SENTENCES.get(code) or _SENTENCES["token_unreadable"]
    if headline is NOT_FROM_THIS_APP and not organization:
        headline = NO_ORGANIZATION
    return Denial(headline[language].replace("{organization}", organization or ""), cause[language], remedy[language])


def best_language(wanted: list[str]) -> str:
    """The first of the wanted language tags that we speak; Norwegian in any form is Bokmål; else English."""
    for tag in wanted:
        primary = tag.strip().lower().replace("_", "-").split("-")[0]
        if primary in ("nb", "no", "nn"):
            return "nb"
        if primary == "en":
            return "en"
    return "en"


def text(sentence: str, language: str, more: dict[str, str] | None = None) -> str:
    """The sentence in the language; English stands for itself. A missing translation is a `KeyError`: tests find it."""
    if language != "nb":
        return sentence
    if more and sentence in more:
        return more[sentence]
    return NB[sentence]


NB: dict[str, str] = {
    "Skip to content": "Hopp til innholdet",
    "Language": "Språk",
    "Signed in as": "Innlogget som",
    "Organization": "Organisasjon",
    "Customer": "Kunde",
    "License": "Lisens",
    "Role": "Rolle",
    "Roles": "Roller",
    "None": "Ingen",
    "Not needed": "Ikke nødvendig",
    "Your access": "Tilgangen din",
    "until {date}": "til {date}",
    "Switch organization": "Bytt organisasjon",
    "Sign out": "Logg ut",
    "Sign in": "Logg inn",
    "Create an account": "Opprett en konto",
    "New here? Your work e-mail is all you need to begin.": "Ny her? Jobb-e-posten din er alt du trenger for å begynne.",
    "All your apps in Onix Account": "Alle appene dine i Onix Account",
    "One account for all Onix apps": "Én konto for alle Onix-appene",
    "Get {app} for Windows": "Hent {app} for Windows",
    "{app} for Windows": "{app} for Windows",
    "The same account and the same access, in a window of its own.": "Samme konto og samme tilgang, i et eget vindu.",
    "You have been signed out.": "Du er logget ut.",
    "Do you want to sign out of {app}?": "Vil du logge ut av {app}?",
    "You are also signed out of Onix Account and the other apps in this browser.": "Du logges også ut av Onix Account og de andre appene i denne nettleseren.",
    "Stay signed in": "Forbli innlogget",
    "What happened": "Hva som har skjedd",
    "What to do": "Hva du kan gjøre",
    "Whom to ask": "Hvem du kan spørre",
    "This page checks by itself, and opens {app} as soon as you have access.": "Siden sjekker av seg selv, og åpner {app} så snart du har fått tilgang.",
    "Ask for access": "Be om tilgang",
    "Check again": "Sjekk på nytt",
    "Checking …": "Sjekker …",
    "Nothing has changed yet.": "Ingenting er endret ennå.",
    "Reference": "Referanse",
    "Go to the start page": "Gå til startsiden",
    "Try again": "Prøv igjen",
    "The sign-in service can't be reached": "Innloggingstjenesten svarer ikke",
    "Your sign-in has to be renewed, and Onix Account does not answer right now. Nothing is lost: this page tries again by itself.": "Innloggingen din må fornyes, og Onix Account svarer ikke akkurat nå. Ingenting er tapt: siden prøver igjen av seg selv.",
    "You can't do that here": "Dette kan du ikke gjøre her",
    "Your role does not include this. Ask your administrator for the privilege if you need it.": "Rollen din omfatter ikke dette. Spør administratoren om rettigheten hvis du trenger den.",
    "This page does not exist": "Denne siden finnes ikke",
    "The address may be mistyped, or what was here is gone.": "Adressen kan være feilskrevet, eller det som var her er borte.",
    "This is too large": "Dette er for stort",
    "Choose a smaller file, or send less at once.": "Velg en mindre fil, eller send mindre om gangen.",
    "This form has expired": "Skjemaet er utløpt",
    "Go back, load the page again and send the form once more.": "Gå tilbake, last siden på nytt og send skjemaet en gang til.",
    "That request could not be understood": "Forespørselen kunne ikke forstås",
    "Something in the address or in the form is not as it should be.": "Noe i adressen eller i skjemaet er ikke som det skal være.",
    "Something went wrong here": "Noe gikk galt her",
    "We have noted it. Please try again in a moment.": "Vi har notert det. Prøv igjen om et øyeblikk.",
    "You were not signed in": "Du ble ikke logget inn",
    "The sign-in was cancelled, or your account may not be used. You can try again whenever you like.": "Innloggingen ble avbrutt, eller kontoen din kan ikke brukes. Du kan prøve igjen når du vil.",
    "The sign-in took too long, was begun in another browser, or was already completed. Please begin again.": "Innloggingen tok for lang tid, ble startet i en annen nettleser, eller er allerede fullført. Start på nytt.",
    "The answer did not come from the sign-in service that this app trusts, so it was not used.": "Svaret kom ikke fra innloggingstjenesten som denne appen stoler på, og ble derfor ikke brukt.",
    "The answer of the sign-in service could not be used. Please begin again.": "Svaret fra innloggingstjenesten kunne ikke brukes. Start på nytt.",
    "Read only": "Kun lesing",
    "Actions": "Handlinger",
    "Check these fields": "Sjekk disse feltene",
    "This field is required.": "Feltet må fylles ut.",
    "Too long.": "For langt.",
    "optional": "valgfritt",
    "This number is already in use.": "Nummeret er allerede i bruk.",
    "Earlier": "Forrige",
    "Next": "Neste",
    "How it works": "Slik virker det",
    "Download {file}": "Last ned {file}",
    "Install Python 3.11 or newer for Windows, and then, once, the packages that the app needs:": "Installer Python 3.11 eller nyere for Windows, og deretter, én gang, pakkene som appen trenger:",
    "Download the app:": "Last ned appen:",
    "Start it:": "Start den:",
    "The app opens your browser for the sign-in, so your password never passes through it. It keeps nothing on the disk: when you close it, you are signed out of it.": "Appen åpner nettleseren din for innlogging, så passordet ditt går aldri gjennom den. Den lagrer ingenting på disken: når du lukker den, er du logget ut av den.",
    "Not available here yet.": "Ikke tilgjengelig her ennå.",
    "Employee": "Ansatt",
    "Express guest": "Express-gjest",
    "Bidder": "Tilbyder",
    "Consultant": "Konsulent",
}
