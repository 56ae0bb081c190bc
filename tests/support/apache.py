"""A throw-away Apache with mod_auth_openidc in front of one protected page."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

from .needs import find_program, free_port, listens, missing, wait_until
from .processes import Process, clean_environment

_MODULES = Path("/usr/lib/apache2/modules")
_LOAD = (
    "mpm_event", "authn_core", "authz_core", "authz_user", "auth_basic", "dir", "alias", "mime", "headers", "env",
    "auth_openidc",
)  # fmt: skip

_CONFIGURATION = """
ServerRoot "{folder}"
ServerName localhost
Listen 127.0.0.1:{port}
PidFile "{folder}/apache.pid"
DefaultRuntimeDir "{folder}"
ErrorLog "{folder}/error.log"
LogLevel warn auth_openidc:info
Mutex file:{folder} default
StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
{loads}
TypesConfig /etc/mime.types
DocumentRoot "{folder}/pages"
DirectoryIndex index.html

OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {client_id}
OIDCClientSecret {secret}
OIDCRedirectURI {base}/protected/callback
OIDCDefaultURL {base}/goodbye.html
OIDCCryptoPassphrase only-for-this-test
OIDCScope "openid profile email"
OIDCPKCEMethod S256
OIDCProviderTokenEndpointAuth {method}
OIDCIDTokenSignedResponseAlg {alg}
OIDCRemoteUserClaim email
OIDCCacheType shm
OIDCSSLValidateServer Off
OIDCUserInfoRefreshInterval 3600
OIDCRefreshAccessTokenBeforeExpiry 400

<Directory "{folder}/pages">
    Require all granted
</Directory>
<Location "/protected">
    AuthType openid-connect
    Require valid-user
    Header always set X-Person "expr=%{{REMOTE_USER}}"
    Header always set X-Subject "expr=%{{req:OIDC_CLAIM_sub}}"
    Header always set X-Organization "expr=%{{req:OIDC_CLAIM_org_name}}"
</Location>
"""


class Apache:
    """`base` is its address; `/protected/` needs a sign-in and answers with who it is in `X-Person` and `X-Subject`."""

    def __init__(self, issuer: str, client_id: str, secret: str, *, port: int | None = None, **options: Any) -> None:
        self.program = find_program("apache2") or missing("Apache (package apache2)")
        if not (_MODULES / "mod_auth_openidc.so").exists():
            missing("mod_auth_openidc (package libapache2-mod-auth-openidc)")
        self.port = port or free_port()
        self.base = f"http://localhost:{self.port}"
        self.folder = Path(tempfile.mkdtemp(prefix="onix-apache-"))
        self.folder.chmod(0o755)
        pages = self.folder / "pages"
        (pages / "protected").mkdir(parents=True)
        (pages / "protected" / "index.html").write_text("<!doctype html><title>Inside</title><p>You are inside.")
        (pages / "goodbye.html").write_text("<!doctype html><title>Goodbye</title><p>You are outside.")
        loads = "\n".join(
            f"LoadModule {name}_module {_MODULES}/mod_{name}.so"
            for name in _LOAD
            if (_MODULES / f"mod_{name}.so").exists()
        )
        text = _CONFIGURATION.format(
            folder=self.folder, port=self.port, base=self.base, loads=loads, issuer=issuer, client_id=client_id,
            secret=secret, method=options.get("method", "client_secret_basic"), alg=options.get("alg", "RS256"),
        )  # fmt: skip
        if os.geteuid() == 0:
            text += "User www-data\nGroup www-data\n"
            shutil.chown(self.folder, "www-data", "www-data")
        (self.folder / "apache.conf").write_text(text)
        self.process = Process(
            [self.program, "-d", str(self.folder), "-f", str(self.folder / "apache.conf"), "-DFOREGROUND"],
            log=self.folder / "output.log",
            env=clean_environment(),
        )
        try:
            wait_until(self._answers, what="Apache's start")
        except BaseException:
            self.stop()
            raise

    def _answers(self) -> bool:
        if not self.process.running:
            raise AssertionError(f"Apache ended: {self.log()}")
        return listens(self.port)

    def log(self) -> str:
        """What it said."""
        error = self.folder / "error.log"
        return self.process.text() + (error.read_text(errors="replace") if error.exists() else "")

    def stop(self) -> None:
        self.process.stop(signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)
