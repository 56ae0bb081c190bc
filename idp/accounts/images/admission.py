"""How much of the workshop one person may use: an image costs up to a second, and there is one bench per process."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from idp.kernel import counters
from idp.settings import current_settings


def admit(account_id: str) -> None:
    """Count one more image that is made for this account, whatever comes of it. Call outside a unit of work.

    Raises `Refusal` (429) above the setting `throttle.images_per_hour`.
    """
    counters.admit(
        "image",
        account_id,
        window=3600,
        limit=current_settings().throttle.images_per_hour,
        code="too_many_images",
        message=_l("You have made many images within the last hour. Try again later."),
    )
