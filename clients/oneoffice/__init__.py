"""OneOffice: the site, the legacy site and the bids, each a half or a part that opens by privileges.

Owns: projects, documents, archive, forms, calls for bids and the bids themselves, per organization, in its own file.
Does not own who may do what: that is in the token; nor the records of Administration: those are Onix Account's pages.
Start reading at `parts.py`, which says what opens what. Run it with `python -m clients.oneoffice`; settings in
`clients/relying_party/settings.py`.
"""
