"""What a person signs in with besides the password: authenticator app, recovery codes, passkeys.

Owns: Authenticator, RecoveryCode, Passkey, and Ceremony, the short-lived beginning of each of them. Does not own: the
password (`accounts.passwords`), opening a session (sessions), the pages (sessions and portal).
Start reading: `policy.Methods`, then `methods`; each kind has a file of verbs. Every verb is one transaction's worth
of work inside the caller's unit; what is used once is spent by a conditional update that counts one row.
"""

from __future__ import annotations

from . import authenticator, ceremonies, events, methods, passkeys, policy, recovery_codes

__all__ = ["authenticator", "ceremonies", "events", "methods", "passkeys", "policy", "recovery_codes"]
