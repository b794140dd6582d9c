"""Which release is gone to, and which one never."""

from __future__ import annotations

import pytest

from runbook_lib.actions.release.choosing import chosen
from runbook_lib.errors import ReleaseRefusedError, UnknownReleaseError
from runbook_lib.platforms.base import Release
from runbook_lib.run.standing import Standing

V3, V2, V1, V0 = RELEASES = [Release(f"v{number}", str(number) * 40) for number in (3, 2, 1, 0)]


def go(
    tag: str = "", live: set[Release] | None = None, passed: tuple[Release, ...] = (), bad: tuple[Release, ...] = ()
) -> str:
    standing = Standing(dict.fromkeys([r.id for r in passed], 1.0), {r.id: "it lost orders" for r in bad})
    return chosen(tag, RELEASES, {r.id for r in live or {V3}}, standing, "shop/production").tag


# -- none is named --------------------------------------------------------------------------------------------------


def test_the_newest_good_one_is_chosen() -> None:
    assert go(passed=(V0, V1, V2)) == "v2"


def test_what_never_passed_is_not_chosen() -> None:
    assert go(passed=(V0,)) == "v0"


def test_what_is_live_is_never_chosen() -> None:
    assert go(passed=(V3, V1)) == "v1"


def test_what_is_live_on_some_replicas_is_not_chosen() -> None:
    assert go(live={V3, V2}, passed=(V2, V1)) == "v1"


def test_what_is_bad_is_never_chosen() -> None:
    assert go(passed=(V2, V1), bad=(V2,)) == "v1"


@pytest.mark.parametrize(("passed", "bad"), [((), ()), ((V3,), ()), ((V2,), (V2,))])
def test_without_a_good_one_none_is_chosen(passed: tuple[Release, ...], bad: tuple[Release, ...]) -> None:
    with pytest.raises(ReleaseRefusedError, match="no other release of shop/production has a recorded pass") as told:
        go(passed=passed, bad=bad)
    assert "-p tag TAG" in str(told.value)


# -- one is named ---------------------------------------------------------------------------------------------------


def test_the_named_one_need_not_have_passed() -> None:
    assert go("v0", passed=(V2,)) == "v0"


def test_a_bad_one_is_refused_with_its_reason() -> None:
    with pytest.raises(ReleaseRefusedError, match="marked bad: it lost orders") as told:
        go("v2", passed=(V2,), bad=(V2,))
    assert "runbook mark v2 good" in str(told.value)


def test_what_is_live_everywhere_is_refused() -> None:
    with pytest.raises(ReleaseRefusedError, match="already live on every replica of shop/production"):
        go("v3")


def test_what_is_live_on_some_replicas_only_is_allowed() -> None:
    assert go("v2", live={V3, V2}) == "v2"


def test_an_unknown_one_is_refused_and_the_nearest_are_named() -> None:
    with pytest.raises(UnknownReleaseError, match="no release is called 'v22'") as told:
        go("v22")
    assert "v2" in str(told.value)


def test_a_reason_from_outside_is_printable() -> None:
    standing = Standing({}, {V2.id: "\x1b[2J gone"})
    with pytest.raises(ReleaseRefusedError) as told:
        chosen("v2", RELEASES, {V3.id}, standing, "shop/production")
    assert "\x1b" not in str(told.value)
