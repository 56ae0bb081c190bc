"""Onix Work: orders and inspections of a supplier, and its customers' way into Onix Express.

Owns: the orders and inspections of each organization, in its own file. Does not own companies and invitations: these
are asked of Onix Account's API, in the name of the person. Start reading: `app`, then `customers`.
Run it with `python -m clients.work`; settings in `clients/relying_party/settings.py`.
"""
