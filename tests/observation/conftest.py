"""The application that is observed: the same real server as for the probes."""

from tests.probes.conftest import application

__all__ = ["application"]
