"""Images of a real Laravel application, made here without any registry: this machine's own PHP with the libraries that
it is linked to, Laravel as the system packages it, and a release of the shop on top."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.real.images import PORT, _busybox
from tests.real.laravel_app import install, write

BASE = "laravel-base:1"
_APPLETS = ("sh", "cat", "cp", "date", "env", "ls", "readlink", "rm", "sleep", "test", "tr")
# In the order in which they load.
_EXTENSIONS = (
    *("mysqlnd", "pdo", "xml", "ctype", "dom", "fileinfo", "iconv", "intl", "mbstring", "pdo_sqlite", "phar", "posix"),
    *("simplexml", "tokenizer", "xmlreader", "xmlwriter"),
)
_DOCKERFILE = f"""
FROM {BASE}
COPY app /app
WORKDIR /app
ENV APP_ENV=production DB_CONNECTION=sqlite DB_DATABASE=/data/shop.sqlite
EXPOSE {PORT}
CMD ["php", "-S", "0.0.0.0:{PORT}", "-t", "public", "public/index.php"]
"""


def build_base(client: Any) -> None:
    """Make the image that all releases stand on, unless the engine has it."""
    if not client.images(name=BASE):
        client.import_image_from_data(_root(), repository="laravel-base", tag="1")


def build_release(client: Any, tag: str, texts: Mapping[str, str]) -> None:
    """Make the image shop:TAG from an application's files, with its dependencies installed."""
    build_base(client)
    with tempfile.TemporaryDirectory() as name:
        folder = install(write(Path(name) / "app", texts))
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as archive:
            archive.add(folder, "app")
            entry = tarfile.TarInfo("Dockerfile")
            entry.size = len(_DOCKERFILE)
            archive.addfile(entry, io.BytesIO(_DOCKERFILE.encode()))
        context.seek(0)
        said = list(client.build(fileobj=context, custom_context=True, tag=f"shop:{tag}", decode=True, rm=True))
    assert client.images(name=f"shop:{tag}"), said[-3:]


def _root() -> bytes:
    """The root file system as a tar: programs, libraries, PHP's code."""
    php = Path(_out("readlink", "-f", _out("which", "php").strip()).strip())
    modules = Path(_out("php", "-r", "echo ini_get('extension_dir');"))
    extensions = [modules / f"{name}.so" for name in _EXTENSIONS if (modules / f"{name}.so").exists()]
    settings = "".join(f"extension={file}\n" for file in extensions)
    scan = _out("php", "-r", "echo PHP_CONFIG_FILE_SCAN_DIR;")
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for file in {*map(str, extensions), *_libraries([php, *extensions])}:
            _add(archive, file, Path(file).resolve().read_bytes(), 0o755)
        _add(archive, "/usr/bin/php", php.read_bytes(), 0o755)
        _add(archive, f"{scan}/all.ini", settings.encode(), 0o644)
        _add(archive, "/bin/busybox", _busybox().read_bytes(), 0o755)
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        for text in ("/etc/passwd", "/tmp/.keep", "/data/.keep"):
            _add(archive, text, b"root:x:0:0:root:/:/bin/sh\n" if text == "/etc/passwd" else b"", 0o644)
        # Debian's PHP has no time zones of its own.
        for zone in ("UTC", "tzdata.zi", "zone.tab", "zone1970.tab", "iso3166.tab"):
            if Path("/usr/share/zoneinfo", zone).exists():
                text = Path("/usr/share/zoneinfo", zone).resolve().read_bytes()
                _add(archive, f"/usr/share/zoneinfo/{zone}", text, 0o644)
        archive.add("/usr/share/php", "usr/share/php")
    return data.getvalue()


def _libraries(files: Iterable[Path]) -> set[str]:
    """What these are linked to, and what links them."""
    found = re.findall(r"(/\S+\.so\S*)", _out("ldd", *map(str, files)))
    return {name for name in found if not name.endswith(":") and Path(name).exists()}


def _add(archive: tarfile.TarFile, path: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path.removeprefix("/"))
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def _out(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout
