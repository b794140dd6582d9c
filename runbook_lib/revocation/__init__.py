"""Ending what lets users in: tokens, sessions, remember-me and password-reset tokens of a Laravel application."""
