"""The applications of the family, each a relying party of the provider.

Owns: the relying-party kit, Onix Tag, Onix Pick and Pack, OneOffice and the native client. Does not own, and never
imports, anything of `idp`: the signed token and `access_schema.json` are the whole contract between the two houses.
Start reading at `relying_party/access.py`, which decides, then `relying_party/flow.py`, which gets the token there.
"""
