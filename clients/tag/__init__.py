"""Onix Tag: equipment, the tags on it, and their labels.

Owns: its equipment per organization, in its own file. Does not own who may do what: that is in the token.
Run it with `python -m clients.tag`; settings in `clients/relying_party/settings.py`.
"""
