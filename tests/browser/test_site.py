"""The published site as a reader's browser has it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import ROOT, Page, grave_findings

pytestmark = [pytest.mark.real, pytest.mark.slow]

PAGES = ("", "runbooks/", "runbooks/rollback/", "reference/configuration/", "changes/", "tutorial/")


@pytest.mark.parametrize("path", PAGES)
def test_no_page_asks_another_host_or_has_an_error(path: str, site: str, page: Page) -> None:
    page.page.goto(f"{site}/{path}", wait_until="networkidle")
    assert (page.errors, page.elsewhere) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [*PAGES[:3], "reference/library/"])
def test_no_page_has_a_serious_accessibility_finding(path: str, scheme: str, site: str, page: Page) -> None:
    page.page.emulate_media(color_scheme=scheme)
    page.page.goto(f"{site}/{path}", wait_until="networkidle")
    assert grave_findings(page.page) == []


@pytest.mark.parametrize(("symptom", "runbook"), [("latency", "rollback"), ("known good", "verify")])
def test_search_finds_a_symptom(symptom: str, runbook: str, site: str, page: Page) -> None:
    page.page.goto(f"{site}/", wait_until="networkidle")
    page.page.get_by_placeholder("Search").first.click()
    page.page.keyboard.type(symptom)
    page.page.wait_for_selector(f'.md-search-result__link[href*="runbooks/{runbook}/"]', timeout=10_000)


def test_the_phases_lead_to_the_runbooks(site: str, page: Page) -> None:
    page.page.goto(f"{site}/runbooks/")
    page.page.get_by_role("link", name="Resolve").first.click()
    assert page.page.url.endswith("#resolve")
    page.page.get_by_role("link", name="Roll back a release").first.click()
    page.page.wait_for_url("**/runbooks/rollback/")


def test_code_is_folded_and_unfolds_by_keyboard(site: str, page: Page) -> None:
    page.page.goto(f"{site}/runbooks/rollback/")
    details = page.page.locator("details.example").first
    assert details.get_attribute("open") is None
    details.locator("summary").press("Enter")
    assert details.get_attribute("open") is not None


def test_on_paper_everything_is_unfolded(site: str, page: Page) -> None:
    page.page.goto(f"{site}/runbooks/rollback/")
    page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.page.locator("details:not([open])").count() == 0


def test_on_paper_no_table_is_cut(site: str, page: Page) -> None:
    page.page.set_viewport_size({"width": 720, "height": 1000})
    page.page.emulate_media(media="print")
    for path in PAGES:
        page.page.goto(f"{site}/{path}")
        cut = "found => found.filter(one => one.getBoundingClientRect().right > innerWidth + 1).length"
        assert page.page.eval_on_selector_all("article table", cut) == 0, path


def test_it_fits_a_phone(site: str, chromium: Any) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, is_mobile=True)
    page = context.new_page()
    for path in PAGES[:3]:
        page.goto(f"{site}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    context.close()


def test_every_runbook_is_reached_from_the_overview(site: str, page: Page) -> None:
    page.page.goto(f"{site}/runbooks/")
    links = set(page.page.eval_on_selector_all("article a", "found => found.map(a => a.pathname)"))
    assert {f"/runbooks/{file.stem}/" for file in (ROOT / "notebooks").glob("*.ipynb")} <= links
