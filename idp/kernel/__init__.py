"""The ground floor: what every room stands on, and no word of the domain.

Owns: the clock, the database and its `unit_of_work`, events, secrets, refusals, continuations; what lists, forms, files
for spreadsheets and the platform's tables have in common.
Does not own: any rule about people, organizations or the protocol.
Start reading: `database.unit_of_work`, then `events.emit`.
"""
