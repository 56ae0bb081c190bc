"""Onix Express: what a supplier delivered to a customer, for that customer to read.

Owns: the documents of each supplier and company, and the log of what was opened, in its own file. Does not own who may
read what: that is in the token. Start reading: `reach` (whose documents are open), then `app`.
Run it with `python -m clients.express`; settings in `clients/relying_party/settings.py`.
"""
