"""Onix Pick and Pack: orders on their way from the shelf to the lorry.

Owns: the orders of each organization, in its own file. Does not own who may do what: that is in the token.
Run it with `python -m clients.pick_and_pack`; settings in `clients/relying_party/settings.py`.
"""
