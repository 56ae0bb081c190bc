"""What people type to sign in."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField

from idp.accounts.forms import ConfirmForm as ConfirmForm
from idp.accounts.forms import NewPasswordForm, required


class LoginForm(FlaskForm):
    """E-mail and password; which of them is wrong is never told."""

    identifier = StringField(_l("E-mail"), [required], render_kw={"maxlength": 254})
    password = PasswordField(_l("Password"), [required])


class AgainForm(FlaskForm):
    """The password once more, from whoever is signed in."""

    password = PasswordField(_l("Password"), [required])


class ChangePasswordForm(NewPasswordForm):
    """The old password once more (R27), then the new one."""

    current_password = PasswordField(_l("Current password"), [required])
    password = PasswordField(_l("New password"), [required])
