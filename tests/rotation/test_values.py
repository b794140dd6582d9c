"""Values of secrets, and every form in which they could be seen."""

from __future__ import annotations

import base64

import pytest

from runbook_lib.command import mask
from runbook_lib.rotation.values import forms, generated, known

VALUE = 'p@ss/w+rd "x"'


@pytest.mark.parametrize(
    "text",
    [
        VALUE,
        "mysql://u:p%40ss%2Fw%2Brd%20%22x%22@db",
        "password=p%40ss%2Fw%2Brd+%22x%22",
        base64.b64encode(VALUE.encode()).decode(),
        base64.urlsafe_b64encode(VALUE.encode()).decode().rstrip("="),
        '{"a": "p@ss/w+rd \\"x\\""}',
    ],
)
def test_it_is_masked_in_every_form(text: str) -> None:
    known({"password": VALUE})
    assert "[secret]" in mask(text)
    assert not any(form in mask(text) for form in forms(VALUE))


def test_a_key_without_its_prefix_is_masked_too() -> None:
    known({"value": "base64:c2hvcC1rZXktZm9yLXRoZS10ZXN0cy1vbmx5LTMyYiE="})
    assert mask("c2hvcC1rZXktZm9yLXRoZS10ZXN0cy1vbmx5LTMyYiE= shop-key-for-the-tests-only-32b!") == "[secret] [secret]"


def test_each_of_the_previous_keys_is_masked() -> None:
    known({"previous": "first-of-them,second-of-them"})
    assert mask("second-of-them first-of-them") == "[secret] [secret]"


def test_users_and_what_is_too_short_are_not_masked() -> None:
    known({"user": "shop", "password": "abc"})
    assert mask("shop abc") == "shop abc"


def test_generated_ones_differ_and_need_no_quotes() -> None:
    made = {generated() for _ in range(100)}
    assert len(made) == 100
    assert all(len(value) == 48 and value.isalnum() and value.isascii() for value in made)
