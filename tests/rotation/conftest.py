"""What was in the process list while a test ran."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rotation.processes import Processes


@pytest.fixture
def processes() -> Iterator[Processes]:
    with Processes() as watched:
        yield watched
