# ruff: noqa: E501 -- sentences stay whole, so that they can be found
"""Onix Pick and Pack in Bokmål, by the English sentence."""

from __future__ import annotations

NB: dict[str, str] = {
    "From the shelf to the lorry without a slip": "Fra hylla til lastebilen uten en glipp",
    "Pick the order, pack it, ship it. Each step is taken once, and everybody sees how far it has come.": "Plukk ordren, pakk den, send den. Hvert trinn gjøres én gang, og alle ser hvor langt den er kommet.",
    "See all orders and what each one waits for.": "Se alle ordrer og hva hver av dem venter på.",
    "Pick and pack in the right order, every time.": "Plukk og pakk i riktig rekkefølge, hver gang.",
    "Ship, and the customer's goods are on their way.": "Send, så er kundens varer på vei.",
    "Orders": "Ordrer",
    "Order": "Ordre",
    "Customer's name": "Kunde",
    "Goods": "Varer",
    "Status": "Status",
    "New": "Ny",
    "Picked": "Plukket",
    "Packed": "Pakket",
    "Shipped": "Sendt",
    "Pick": "Plukk",
    "Pack": "Pakk",
    "Ship": "Send",
    "Pick order {number}": "Plukk ordre {number}",
    "Pack order {number}": "Pakk ordre {number}",
    "Ship order {number}": "Send ordre {number}",
    "The order is picked.": "Ordren er plukket.",
    "The order is packed.": "Ordren er pakket.",
    "The order is on its way.": "Ordren er på vei.",
    "Somebody was faster: the order has moved on already.": "Noen var raskere: ordren er allerede kommet videre.",
    "There are no orders here yet.": "Her er det ingen ordrer ennå.",
    "You have access to Onix Pick and Pack, but not to its orders.": "Du har tilgang til Onix Pick and Pack, men ikke til ordrene der.",
    "What you can do": "Dette kan du gjøre",
    "Pick orders": "Plukke ordrer",
    "Pack orders": "Pakke ordrer",
    "Ship orders": "Sende ordrer",
    "read only": "kun lesing",
}
