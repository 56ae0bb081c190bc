"""What people type to sign in."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField, StringField

from idp.accounts.forms import ConfirmForm as ConfirmForm
from idp.accounts.forms import NewPasswordForm, required


class LoginForm(FlaskForm):
    """E-mail and password; which of them is wrong is never told."""

    identifier = StringField(_l("E-mail"), [required], render_kw={"maxlength": 254})
    password = PasswordField(_l("Password"), [required])


class AgainForm(FlaskForm):
    """The password once more, from whoever is signed in."""

    password = PasswordField(_l("Password"), [required])


class CodeForm(FlaskForm):
    """A code of an authenticator app; what stands between its digits is nobody's affair."""

    code = StringField(_l("Code"), [required], render_kw={"maxlength": 20})


class RecoveryCodeForm(FlaskForm):
    """One of the recovery codes, with or without its hyphens."""

    code = StringField(_l("Recovery code"), [required], render_kw={"maxlength": 60})


class ChangePasswordForm(NewPasswordForm):
    """The old password once more (R27), then the new one."""

    current_password = PasswordField(_l("Current password"), [required])
    password = PasswordField(_l("New password"), [required])


class OwnPasswordForm(ChangePasswordForm):
    """The same on the account page, where the person also says what becomes of the other browsers."""

    everywhere = BooleanField(_l("Sign out everywhere else"), default=True)


class FirstPasswordForm(NewPasswordForm):
    """A password for an account that has none."""

    everywhere = BooleanField(_l("Sign out everywhere else"), default=True)
