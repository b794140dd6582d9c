"""The room that the hosting plan gives the storage: STORAGE_QUOTA_MB, nothing for no limit."""

import errno
import os

import settings

QUOTA = settings.number("STORAGE_QUOTA_MB") * 1_000_000


def used(folder):
    """Bytes on disk below a folder; what goes away meanwhile counts nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                pass
    return total


def check(folder):
    """OSError, as the file system would say it, when nothing may be written any more."""
    if QUOTA and used(folder) >= QUOTA:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), str(folder))
