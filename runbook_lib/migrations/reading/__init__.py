"""Reads the PHP of a migration: what its up() and down() ask of the database, in order, without running it.

Nothing is judged here. What is not understood is read as "unread", never left out.
"""
