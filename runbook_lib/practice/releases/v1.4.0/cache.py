"""Values that are dear to make, kept for a while."""

import json

import settings
import store

# Each release has values of its own: another one may make them otherwise.
PREFIX = f"{store.PREFIX}cache:{(settings.FILE.parent / 'VERSION').read_text().strip()}:"


def remember(name, seconds, make):
    """The value of that name, made anew when it is older than so many seconds."""
    if not store.is_used():
        return make()
    with store.opened() as ask:
        kept = ask("GET", PREFIX + name)
        if kept is None:
            kept = json.dumps(make())
            ask("SET", PREFIX + name, kept, "EX", seconds)
        return json.loads(kept)


def forget():
    """Forget all of them, of all releases; how many there were."""
    with store.opened() as ask:
        keys = ask("KEYS", f"{store.PREFIX}cache:*")
        return ask("DEL", *keys) if keys else 0
