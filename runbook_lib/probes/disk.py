"""Room on the file systems of a host."""

from __future__ import annotations

from dataclasses import dataclass, replace

# $1 is the folder; the answers for space and for files (inodes) stand on lines of their own, marked.
SCRIPT = """
  echo "folder $1"
  df -Pk -- "$1" 2>/dev/null | tail -n 1 | sed 's/^/space /'
  df -Pi -- "$1" 2>/dev/null | tail -n 1 | sed 's/^/files /'
  test ! -d "$1" || test -w "$1" || echo "closed $(id -un)"
"""


@dataclass(frozen=True)
class FileSystem:
    """One file system. mount: where; free: bytes that may still be written; used: share of its space that is used;
    files_used: share of its files, 0 where it does not count them; closed: the user who looked
    and may not write there, or empty."""

    mount: str
    free: int
    used: float
    files_used: float = 0.0
    closed: str = ""

    @property
    def most(self) -> float:
        """The fuller of the two."""
        return max(self.used, self.files_used)

    def __str__(self) -> str:
        words = f"{self.mount}: {self.used:.0%} used, {size(self.free)} free"
        return words + (f", {self.files_used:.0%} of its files" if self.files_used > self.used else "")


def file_systems(text: str) -> dict[str, FileSystem]:
    """By folder. text: what SCRIPT printed; a folder that is not there has none."""
    found: dict[str, FileSystem] = {}
    folder = ""
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "folder":
            folder = rest
        elif kind == "closed" and folder in found:
            found[folder] = replace(found[folder], closed=rest or "this user")
        elif (numbers := _numbers(rest)) is not None:
            used, free, mount = numbers
            share = used / (used + free) if used + free else 0.0
            if kind == "space":
                found[folder] = FileSystem(mount, free * 1024, share)
            elif kind == "files" and folder in found:
                found[folder] = replace(found[folder], files_used=share)
    return found


def size(count: float) -> str:
    """A number of bytes for a reader."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _numbers(line: str) -> tuple[int, int, str] | None:
    """Used, available and the mount point of a line of df: device, total, used, available, percent, mount. The first
    and the last may hold spaces."""
    words = line.split(" ")
    words = [word for word in words if word]
    for i in range(1, len(words) - 3):
        used, free, percent = words[i + 1], words[i + 2], words[i + 3]
        if words[i].isdigit() and used.isdigit() and free.lstrip("-").isdigit() and percent.rstrip("%") != percent:
            return int(used), max(0, int(free)), " ".join(words[i + 4 :])
    return None
