"""Whether the certificate of an https address is valid for it, and for how long."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from runbook_lib.command import printable


@dataclass(frozen=True)
class Certificate:
    """What a server presents. place: the url; wrong: what is wrong with it, or empty; days: until it expires, or None
    where it has expired or was not seen; trusted: whether this machine trusts its issuer."""

    place: str
    wrong: str = ""
    days: float | None = None
    trusted: bool = True


def certificate(url: str, timeout: float) -> Certificate | None:
    """Look at the certificate of a url; None where it is not https. OSError when there is no connection."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    host, port = parts.hostname, parts.port or 443
    anything = ssl.create_default_context()
    anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
    with _connected(anything, host, port, timeout) as connection:
        presented = connection.getpeercert(binary_form=True)
    if not presented:
        return Certificate(url, "no certificate is presented")
    trusted = not _refusal(ssl.create_default_context(), host, port, timeout)
    # The certificate itself as the anchor: what remains to be judged are its dates and names.
    itself = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(presented))
    itself.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    itself.verify_flags &= ~ssl.VERIFY_X509_STRICT
    wrong = _refusal(itself, host, port, timeout)
    if wrong:
        return Certificate(url, wrong, None, trusted)
    with _connected(itself, host, port, timeout) as connection:
        ends = str((connection.getpeercert() or {}).get("notAfter", ""))
    days = (ssl.cert_time_to_seconds(ends) - time.time()) / 86_400 if ends else None
    return Certificate(url, "", days, trusted)


def _refusal(context: ssl.SSLContext, host: str, port: int, timeout: float) -> str:
    """Why a certificate is refused, or an empty string."""
    try:
        _connected(context, host, port, timeout).close()
    except ssl.SSLCertVerificationError as error:
        return printable(error.verify_message, 120)
    return ""


def _connected(context: ssl.SSLContext, host: str, port: int, timeout: float) -> ssl.SSLSocket:
    plain = socket.create_connection((host, port), timeout=timeout)
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise
