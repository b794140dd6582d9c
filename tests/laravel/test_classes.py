"""Which classes a release has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook_lib.connectors.local import LocalConnector
from runbook_lib.errors import PlatformError
from runbook_lib.laravel.classes import Classes, declares, in_git
from tests.real.laravel_app import BASE, build_repository


def release(files: dict[str, str], autoload: object = None) -> Classes:
    composer = json.dumps({"autoload": autoload or {"psr-4": {"App\\": "app/", "App\\Extra\\": ["extra", "more/"]}}})
    return Classes({"composer.json": composer, **files}.get)


def php(namespace: str, declaration: str) -> str:
    return f"<?php\n\ndeclare(strict_types=1);\n\nnamespace {namespace};\n\n{declaration}\n{{\n}}\n"


@pytest.mark.parametrize(
    "declaration",
    [
        "class Ship",
        "final class Ship extends Job",
        "abstract class Ship",
        "final readonly class Ship",
        "enum Ship: int",
    ],
)
def test_a_class_is_there_when_its_file_declares_it(declaration: str) -> None:
    assert release({"app/Jobs/Ship.php": php("App\\Jobs", declaration)}).has("App\\Jobs\\Ship") is True


@pytest.mark.parametrize(
    "text",
    [
        php("App\\Other", "class Ship"),
        php("App\\Jobs", "class Shipment"),
        php("App\\Jobs", "// class Ship was here\nclass Pack"),
        "",
    ],
)
def test_a_file_that_declares_something_else_does_not_count(text: str) -> None:
    assert release({"app/Jobs/Ship.php": text}).lacks("App\\Jobs\\Ship")


def test_capitals_do_not_matter_to_php() -> None:
    assert declares(php("app\\jobs", "Class SHIP"), "App\\Jobs\\Ship")


def test_a_class_of_a_package_is_not_told() -> None:
    classes = release({})
    assert classes.has("Illuminate\\Bus\\Batch") is None
    assert not classes.lacks("Illuminate\\Bus\\Batch")


def test_a_namespace_with_several_folders_is_looked_for_in_each() -> None:
    assert release({"more/Ship.php": php("App\\Extra", "class Ship")}).has("App\\Extra\\Ship") is True


def test_with_a_class_map_absence_is_not_certain() -> None:
    classes = release({}, {"psr-4": {"App\\": "app"}, "classmap": ["legacy/"]})
    assert classes.has("App\\Jobs\\Ship") is None


def test_without_autoload_nothing_can_be_told() -> None:
    with pytest.raises(PlatformError, match=r"composer\.json"):
        Classes({}.get).has("App\\Jobs\\Ship")


@pytest.mark.parametrize("inside", ["", "backend"])
def test_the_files_of_a_commit_are_read(tmp_path: Path, inside: str) -> None:
    repository = build_repository(tmp_path / "repository", inside=inside)
    connector = LocalConnector(tmp_path)
    older = Classes(in_git(connector, str(repository), BASE, inside))
    newer = Classes(in_git(connector, str(repository), "v1.1.0", inside))
    assert older.has("App\\Jobs\\PlaceOrder") is True
    assert older.lacks("App\\Jobs\\SendInvoice")
    assert newer.has("App\\Jobs\\SendInvoice") is True


def test_a_commit_that_is_not_there_is_no_absence(tmp_path: Path) -> None:
    repository = build_repository(tmp_path / "repository")
    with pytest.raises(PlatformError, match="cannot be read"):
        Classes(in_git(LocalConnector(tmp_path), str(repository), "v9.9.9")).has("App\\Jobs\\PlaceOrder")
