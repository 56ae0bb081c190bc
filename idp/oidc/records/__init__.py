"""The tables of the zone Protocol that this room owns, and Job, for *Records* (`idp.kernel.records`).

They are read; what can be done to a row is a named action. No secret, token or private key is in any of them.
"""

from .authorizations import AUTHORIZATION, AUTHORIZATIONS, CONSENTS
from .clients import CLIENT
from .jobs import JOB
from .signing_keys import SIGNING_KEY

TABLES = (CLIENT, AUTHORIZATION, SIGNING_KEY, JOB)

__all__ = ["AUTHORIZATION", "AUTHORIZATIONS", "CLIENT", "CONSENTS", "JOB", "SIGNING_KEY", "TABLES"]
