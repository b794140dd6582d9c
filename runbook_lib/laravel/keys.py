"""Keys of a Laravel application: of what form they are, and whether the application as it is live takes one."""

from __future__ import annotations

import base64
import json
import re
import secrets
from dataclasses import dataclass

from runbook_lib.command import Command, Result, Secret, printable
from runbook_lib.config import Laravel
from runbook_lib.errors import CommandError

TIMEOUT = 60.0
# From this version on, APP_PREVIOUS_KEYS still decrypt (laravel/framework #49962).
PREVIOUS_KEYS = 11

_VERSION = re.compile(r"Laravel Framework (?:version )?v?(\d+)\.")

# The key is read, never an argument. It makes something with the key and sees whether the application can read it, and
# the other way round.
_TRY = (
    'require "vendor/autoload.php"; $app = require "bootstrap/app.php"; '
    '$app->make("Illuminate\\Contracts\\Console\\Kernel")->bootstrap(); '
    '$given = trim(stream_get_contents(STDIN)); $own = $app->make("encrypter"); '
    '$key = strpos($given, "base64:") === 0 ? base64_decode(substr($given, 7)) : $given; '
    '$other = new Illuminate\\Encryption\\Encrypter($key, $app->make("config")->get("app.cipher")); '
    '$reads = function ($one, $text) { try { return $one->decryptString($text) === "x"; } '
    "catch (Illuminate\\Contracts\\Encryption\\DecryptException $e) { return false; } }; "
    'echo json_encode(["decrypts" => $reads($own, $other->encryptString("x")), '
    '"encrypts" => $reads($other, $own->encryptString("x"))]);'
)
# Where something that is stored would be encrypted: casts, the facade, the helper.
_ENCRYPTING = r"""=> *['"]encrypted|Crypt::encrypt|[^a-zA-Z_>:]encrypt\("""


# Artisan would ask a child process for the width of the terminal, and hand everything in .env to its environment.
SIZE = {"COLUMNS": "120", "LINES": "40"}


@dataclass(frozen=True)
class Taken:
    """Whether an application still reads what a key encrypted, and whether it encrypts with it."""

    decrypts: bool
    encrypts: bool


def new_key() -> str:
    """A key as `artisan key:generate` makes it, for AES-256."""
    return f"base64:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def version_command(laravel: Laravel) -> Command:
    """The command that says which version it is; read with `version_in`."""
    return Command.of(*laravel.php, "artisan", "--version", cwd=laravel.folder or ".", env=SIZE, timeout=TIMEOUT)


def version_in(result: Result) -> int:
    """The major version. CommandError when it is not said."""
    found = _VERSION.search(result.output) if result.ok else None
    if found is None:
        raise CommandError(
            f"the application does not say its version: {printable(result.last_line or 'no output', 200)}",
            next_step="try `php artisan --version` where it is live",
        )
    return int(found[1])


def try_command(laravel: Laravel, key: str) -> Command:
    """The command that tries a key in the application; read with `taken`."""
    return Command.of(*laravel.php, "-r", _TRY, cwd=laravel.folder or ".", timeout=TIMEOUT, input=Secret(key))


def taken(result: Result) -> Taken:
    """What trying a key came to. CommandError when the application could not be asked."""
    try:
        said = json.loads(result.output) if result.ok else None
        return Taken(bool(said["decrypts"]), bool(said["encrypts"]))  # type: ignore[index]
    except (ValueError, TypeError, KeyError) as error:
        raise CommandError(
            f"the application cannot be asked for its key: {printable(result.last_line or 'no output', 300)}",
            next_step="try `php artisan about` where it is live",
        ) from error


def encrypting_command(laravel: Laravel) -> Command:
    """The command that lists the application's files in which something that is stored is encrypted."""
    words = ("grep", "-rlE", "--include=*.php", "-e", _ENCRYPTING, "app")
    return Command.of(*words, cwd=laravel.folder or ".", timeout=TIMEOUT)
