"""Images of a small web application, made here without any registry: a static busybox and a few files."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

Behaviour = Literal["good", "unready", "failing", "exits", "unstartable"]
"""good: all routes answer 200. unready: /ready answers 503. failing: /checkout answers 500. exits: the process
ends with status 3 as soon as it runs. unstartable: the program that the image names does not exist."""

PORT = 8080

# As process 1, httpd would ignore SIGTERM and be killed only when the time to stop is over.
_START = """#!/bin/sh
echo "starting release $RELEASE" >&2
trap 'kill $server; exit 0' TERM INT
/bin/busybox {server} &
server=$!
wait $server
"""
_EXIT = "#!/bin/sh\necho 'cannot start: no such table: orders' >&2\nexit 3\n"
_HTTPD = f"httpd -f -vv -p {PORT} -h /www"
# httpd answers a file or 404 and nothing else, so the broken releases are served by a script.
_SCRIPTED = f"nc -ll -p {PORT} -e /bin/answer"
_ANSWER = """#!/bin/sh
read -r method path rest
while read -r header && [ ${{#header}} -gt 1 ]; do :; done
status='200 OK'
[ "$path" = '/{route}' ] && status='{status}'
[ -f "/www$path" ] || status='404 Not Found'
echo "url:$path response:$status" >&2
printf 'HTTP/1.1 %s\\r\\nConnection: close\\r\\n\\r\\n' "$status"
cat "/www$path"
"""
_ROUTES = {"up": "up", "ready": "ready", "checkout": "order placed", "index.html": "shop"}
_BROKEN: dict[str, tuple[str, str, str]] = {
    "unready": ("ready", "503 Service Unavailable", "database: connection refused"),
    "failing": ("checkout", "500 Internal Server Error", "price is null"),
}


def build_image(
    client: Any,
    repository: str,
    tag: str,
    behaviour: Behaviour = "good",
    changes: Sequence[str] = (),
    files: dict[str, str] | None = None,
) -> str:
    """Make the image `repository:tag` on an engine and return its id, "sha256:...".

    client: docker.APIClient. changes: lines of a Dockerfile ("ENV A=1", "VOLUME /data", "HEALTHCHECK ...") that
    are applied last. files: further text files by absolute path.
    """
    command = '["/no/such/program"]' if behaviour == "unstartable" else '["/bin/start"]'
    client.import_image_from_data(
        _archive(tag, behaviour, files or {}),
        repository=repository,
        tag=tag,
        changes=[f"CMD {command}", f"EXPOSE {PORT}/tcp", f"ENV RELEASE={tag}", *changes],
    )
    return str(client.inspect_image(f"{repository}:{tag}")["Id"])


def _archive(tag: str, behaviour: Behaviour, files: dict[str, str]) -> bytes:
    """The root file system as a tar."""
    programs = {"/bin/start": _EXIT if behaviour == "exits" else _START.format(server=_HTTPD)}
    texts = {f"/www/{route}": f"{text}\n" for route, text in _ROUTES.items()}
    texts |= {"/www/version": f"{tag}\n", "/etc/passwd": "root:x:0:0:root:/:/bin/sh\n", **files}
    if behaviour in _BROKEN:
        route, status, text = _BROKEN[behaviour]
        texts[f"/www/{route}"] = f"{text}\n"
        programs |= {"/bin/start": _START.format(server=_SCRIPTED)}
        programs |= {"/bin/answer": _ANSWER.format(route=route, status=status)}
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        _add(archive, "/bin/busybox", _busybox().read_bytes(), 0o755)
        for applet in ("sh", "cat", "env", "sleep", "wget", "printf", "id"):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        for path, text in texts.items():
            _add(archive, path, text.encode(), 0o644)
        for path, text in programs.items():
            _add(archive, path, text.encode(), 0o755)
    return data.getvalue()


def _add(archive: tarfile.TarFile, path: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path.removeprefix("/"))
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def _busybox() -> Path:
    found = shutil.which("busybox")
    assert found is not None, "busybox-static is missing; scripts/real-parts installs it"
    return Path(found)
