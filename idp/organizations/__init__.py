"""What a person may do, and where.

Owns: organizations, members, companies, roles, licenses, seats and invitations; the catalog of apps; the decision
`policy.entitlement` and the sentences that explain it.
Does not own: who a person is (accounts), who is signed in (sessions), what a token looks like (oidc).
Start reading: `policy.py` for the decision, `facts.py` for what it is made from, `service.py` for what changes it.
"""
