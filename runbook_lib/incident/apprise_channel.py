"""A channel of apprise: chat, mail, pager, by its url, which is a secret.

Apprise says only whether a message was taken, and tries no service again. What the other side answered (429, 5xx,
Retry-After, nothing) is read where apprise's services talk to it: in requests' session, and in apprise's own log.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests

from runbook_lib.command import Secret, mask
from runbook_lib.errors import ConfigurationError
from runbook_lib.incident.channels import ChannelError, refused
from runbook_lib.incident.messages import Message

# A whole sending may take so many times the timeout of one answer: services log in, mail talks back and forth.
PATIENCE = 6
SHORTEST_SECRET = 8
# Values of apprise's common options are ordinary words.
_OPTIONS = {
    "cto", "emojis", "format", "from", "image", "interpret", "method", "mode", "name", "overflow", "priority",
    "redirect", "rto", "smtp", "store", "tags", "to", "tz", "verify",
}  # fmt: skip


@dataclass(frozen=True)
class AppriseChannel:
    """One apprise url. name: of the reference that it came from. timeout: seconds for connecting and each answer."""

    name: str
    url: Secret
    timeout: float

    def send(self, message: Message, reference: str) -> str:
        """Send it once; see Channel."""
        service = self._service()
        seen = _Seen()
        done: list[bool] = []

        def sending() -> None:
            with _watching(seen):
                try:
                    # Plain text: each service escapes it as it needs.
                    done.append(bool(service.notify(body=message.text, title=message.title, body_format="text")))
                except Exception as error:
                    seen.broken.append(error)

        # A service that keeps the line open is left alone after a while; the process does not wait for it.
        thread = threading.Thread(target=sending, name="message", daemon=True)
        thread.start()
        thread.join(self.timeout * PATIENCE)
        if done == [True]:
            return ""
        if thread.is_alive():
            raise ChannelError(f"it did not come to an end within {self.timeout * PATIENCE:g} s", sure=False)
        raise seen.error()

    def check(self) -> None:
        """Whether apprise can use the url; sends nothing. ChannelError, ConfigurationError."""
        self._service()

    def _service(self) -> Any:
        conceal(self.url.reveal())
        apprise = _apprise()
        with _watching(_Seen()):
            service = apprise.Apprise.instantiate(self.url.reveal(), suppress_exceptions=True)
        if service is None:
            raise ChannelError("apprise cannot use its url; `apprise --dry-run` says why")
        service.socket_connect_timeout = service.socket_read_timeout = self.timeout
        return service


def _apprise() -> Any:
    try:
        import apprise
    except ImportError as error:
        raise ConfigurationError(
            "channels need the package apprise", next_step="pip install 'runbook-lib[communicate]'"
        ) from error
    return apprise


def conceal(url: str) -> None:
    """Make the secret parts of a url known, so that they are masked wherever they turn up: its password, and each
    longer piece that is no name of a host and no ordinary option."""
    Secret(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    # What stands between : and @ is user, password, port, or a token in their place; a dot makes it a name of a host.
    before_path = [piece for piece in re.split("[:@]", parts.netloc) if "." not in piece and piece != "localhost"]
    pieces = [*before_path, *parts.path.split("/"), *parts.fragment.split("/")]
    pieces += [value for name, value in parse_qsl(parts.query) if name.lower().lstrip("+-:") not in _OPTIONS]
    for piece in pieces:
        for form in (piece, unquote(piece)):
            if len(form) >= SHORTEST_SECRET and "@" not in form:
                Secret(form)
    if parts.password:
        Secret(parts.password)
        Secret(unquote(parts.password))


@dataclass
class _Seen:
    """What was seen of a conversation. answers: status and Retry-After; broken: how it broke off; said: apprise's own
    last words."""

    answers: list[tuple[int, str | None]] = field(default_factory=list)
    broken: list[BaseException] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def error(self) -> ChannelError:
        """Why a message was not taken."""
        bad = [(status, after) for status, after in self.answers if not 200 <= status < 300]
        if self.broken:
            return _broken(self.broken[-1])
        if bad:
            return refused(*bad[-1])
        reason = "; ".join(self.said[-2:]) or "it was not taken"
        # Mail says no more than this; after a silence in the middle, it may have been taken.
        silent = "timed out" in reason.lower()
        return ChannelError(reason, again=not silent, sure=not silent)


def _broken(error: BaseException) -> ChannelError:
    if isinstance(error, requests.ReadTimeout):
        return ChannelError("it took the message and did not answer in time", sure=False)
    if isinstance(error, requests.ConnectTimeout):
        return ChannelError("it could not be reached in time", again=True)
    if isinstance(error, requests.ConnectionError):
        unreached = "NewConnectionError" in repr(error) or "NameResolution" in repr(error)
        words = "it could not be reached" if unreached else "the connection broke off"
        return ChannelError(words, again=unreached, sure=unreached)
    return ChannelError(f"it could not be asked: {type(error).__name__}")


_watchers = threading.local()
_patching = threading.Lock()


class _Listener(logging.Handler):
    """Hears apprise's log for the thread that it was made in."""

    def __init__(self, seen: _Seen) -> None:
        super().__init__(logging.DEBUG)
        self._seen = seen
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread and (record.levelno >= logging.WARNING or "Exception" in record.getMessage()):
            self._seen.said.append(record.getMessage())


@contextlib.contextmanager
def _watching(seen: _Seen) -> Iterator[None]:
    """See what this thread's requests come to, and keep apprise's log, which may name urls, to ourselves."""
    _watch_sessions()
    log = logging.getLogger("apprise")
    listener = _Listener(seen)
    with _patching:
        log.addHandler(listener)
        log.setLevel(logging.DEBUG)
        log.propagate = False
    _watchers.seen = seen
    try:
        yield
    finally:
        _watchers.seen = None
        log.removeHandler(listener)


def _masked(record: logging.LogRecord) -> bool:
    record.msg, record.args = mask(record.getMessage()), ()
    return True


def _watch_sessions() -> None:
    """Let requests' sessions tell, once for this process; other threads' requests are as they were."""
    with _patching:
        if getattr(requests.Session.send, "watched", False):
            return
        plain = requests.Session.send

        def send(self: requests.Session, request: requests.PreparedRequest, **more: Any) -> requests.Response:
            seen: _Seen | None = getattr(_watchers, "seen", None)
            try:
                answer = plain(self, request, **more)
            except requests.RequestException as error:
                if seen is not None:
                    seen.broken.append(error)
                raise
            if seen is not None:
                seen.answers.append((answer.status_code, answer.headers.get("Retry-After")))
            return answer

        send.watched = True  # type: ignore[attr-defined]
        requests.Session.send = send  # type: ignore[method-assign]
        # Whoever logs everything must not find tokens of paths there.
        logging.getLogger("urllib3.connectionpool").addFilter(_masked)
