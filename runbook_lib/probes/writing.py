"""Who may write where a Laravel application must write."""

from __future__ import annotations

from dataclasses import dataclass

# Its logs, compiled views, sessions and cached configuration; what is not there is left out.
SCRIPT = """
stat -L -c '%U %G %a %n' storage storage/logs storage/logs/*.log storage/framework/*/ bootstrap/cache 2>/dev/null
"""
MOST = 50


@dataclass(frozen=True)
class Guarded:
    """A file or folder. path: within the application's folder; owner, group: their names; mode: as of chmod."""

    path: str
    owner: str
    group: str
    mode: int

    def closed_to(self, user: str) -> bool:
        """Whether a user may surely not write there. Who is in its group is not asked: where the group may write, it is
        taken to be open; lists of access rights are not looked at."""
        if user in ("", "root", "0"):
            return False
        if user == self.owner:
            return not self.mode & 0o200
        return not self.mode & 0o022

    def __str__(self) -> str:
        return f"{self.path} is {self.owner}:{self.group}'s, mode {self.mode:o}"


def guarded(text: str) -> tuple[Guarded, ...]:
    """What SCRIPT printed."""
    found = []
    for line in text.splitlines()[:MOST]:
        words = line.split(" ", 3)
        if len(words) == 4 and words[2].isdigit():
            found.append(Guarded(words[3].rstrip("/"), words[0], words[1], int(words[2], 8)))
    return tuple(found)
