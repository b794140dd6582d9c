"""Backups: taken with the databases' own tools, streamed, recorded with what they hold, proven by restoring them."""
