"""Backups and restores: taken, restored beside, switched to, settled."""
