"""Certificates as a server presents them."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook_lib.probes.certificates import Certificate, certificate

pytestmark = pytest.mark.real


# Only `openssl ca` of every version takes dates of the past.
AUTHORITY = """
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:{name}
"""


def issued(folder: Path, name: str, begins: datetime, ends: datetime) -> Path:
    """A self-signed certificate for a name, with its key, in one file."""
    (folder / "ca.cnf").write_text(AUTHORITY.format(name=name))
    (folder / "index.txt").touch()
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(folder, "req", "-new", *kind, "-keyout", "key.pem", "-out", "request.pem", "-subj", f"/CN={name}")
    dates = ("-startdate", f"{begins:%Y%m%d%H%M%SZ}", "-enddate", f"{ends:%Y%m%d%H%M%SZ}")
    signing = ("-config", "ca.cnf", "-selfsign", "-keyfile", "key.pem", "-batch", "-notext")
    openssl(folder, "ca", *signing, *dates, "-in", "request.pem", "-out", "certificate.pem")
    file = folder / "certificate.pem"
    file.write_text(file.read_text() + (folder / "key.pem").read_text())
    return file


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@contextmanager
def served(file: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening, context), daemon=True).start()
        yield f"https://localhost:{listening.getsockname()[1]}"


def _serve(listening: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1)
        except OSError:
            continue


def look(folder: Path, name: str, begins: int, ends: int) -> Certificate:
    """What is seen of a certificate. begins, ends: days from now."""
    now = datetime.now(UTC)
    with served(issued(folder, name, now + timedelta(begins), now + timedelta(ends))) as url:
        seen = certificate(url, 3)
    assert seen is not None
    return seen


def test_a_valid_one_says_for_how_long(tmp_path: Path) -> None:
    seen = look(tmp_path, "localhost", -1, 30)
    assert not seen.wrong
    assert seen.days is not None
    assert 29 < seen.days <= 30
    assert not seen.trusted


def test_one_that_has_expired(tmp_path: Path) -> None:
    assert "expired" in look(tmp_path, "localhost", -30, -1).wrong


def test_one_that_is_not_valid_yet(tmp_path: Path) -> None:
    assert "not yet valid" in look(tmp_path, "localhost", 1, 30).wrong


def test_one_for_another_name(tmp_path: Path) -> None:
    assert "ostname mismatch" in look(tmp_path, "elsewhere.example", -1, 30).wrong


def test_an_address_without_tls_has_none() -> None:
    assert certificate("http://localhost:1", 1) is None


def test_nobody_there_is_an_error_of_the_connection() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        certificate(f"https://localhost:{port}", 1)
