"""Resource indicators: which audience the access token is for (RFC 8707).

One token is for one resource (DESIGN §4). A client asks for its app's URI, or for the provider's API.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749.errors import OAuth2Error

from ..clients import resources


def invalid_target(description: str) -> OAuth2Error:
    """The registered error of RFC 8707 §2."""
    return OAuth2Error(description, error="invalid_target")


def check_resource(grant: Any) -> None:
    """At most one resource, an absolute URI without fragment, one that this client may ask for."""
    asked = set(grant.request.payload.datalist.get("resource", []))
    if not asked:
        return
    if len(asked) > 1:
        raise invalid_target("Only one resource per request is supported")
    resource = asked.pop()
    try:
        parts = urlsplit(resource)
    except ValueError:
        raise invalid_target("The resource is not a URI") from None
    if not parts.scheme or "#" in resource:
        raise invalid_target("The resource must be an absolute URI without a fragment")
    if resource not in resources(grant.request.client):
        raise invalid_target("The client may not ask for this resource")
