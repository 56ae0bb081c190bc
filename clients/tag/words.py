# ruff: noqa: E501 -- sentences stay whole, so that they can be found
"""Onix Tag in Bokmål, by the English sentence."""

from __future__ import annotations

NB: dict[str, str] = {
    "Every piece of equipment, known by its tag": "Alt utstyr, kjent på merket sitt",
    "Register lifting equipment, put a tag on it, and print the label, in the workshop or on the quay.":
        "Registrer løfteutstyr, sett et merke på det og skriv ut etiketten, på verkstedet eller på kaia.",
    "Find any piece of equipment by its number.": "Finn ethvert utstyr på nummeret.",
    "Tag it once, and everybody knows which one it is.": "Merk det én gang, så vet alle hvilket det er.",
    "Print labels that survive salt water and forklifts.": "Skriv ut etiketter som tåler saltvann og trucker.",
    "Equipment": "Utstyr",
    "Number": "Nummer",
    "Name": "Navn",
    "Location": "Sted",
    "Tag": "Merke",
    "Actions": "Handlinger",
    "No tag yet": "Ikke merket ennå",
    "Put a tag on {number}": "Merk {number}",
    "Put a tag on": "Merk",
    "Label": "Etikett",
    "Label of {number}": "Etiketten til {number}",
    "Register equipment": "Registrer utstyr",
    "Register": "Registrer",
    "The equipment is registered.": "Utstyret er registrert.",
    "The tag is on.": "Merket er satt på.",
    "It already carries a tag.": "Det har allerede et merke.",
    "The label is on its way to the printer.": "Etiketten er på vei til skriveren.",
    "Printed {count} times": "Skrevet ut {count} ganger",
    "Print label": "Skriv ut etikett",
    "Back to the equipment": "Tilbake til utstyret",
    "There is no equipment here yet.": "Her er det ikke noe utstyr ennå.",
    "You have access to Onix Tag, but not to its equipment.": "Du har tilgang til Onix Tag, men ikke til utstyret der.",
    "Check these fields": "Sjekk disse feltene",
    "Fill in all three fields.": "Fyll ut alle tre feltene.",
    "This number is already in use.": "Nummeret er allerede i bruk.",
    "This field is required.": "Feltet må fylles ut.",
    "Earlier": "Forrige",
    "Next": "Neste",
    "Too long.": "For langt.",
}
