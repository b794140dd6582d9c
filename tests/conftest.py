"""Fixtures that every test may use."""

from tests.real.engine import engine

__all__ = ["engine"]
