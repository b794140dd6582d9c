"""The reference of runbooks.toml."""

from __future__ import annotations

from runbook_lib.config import Configuration, Environment
from runbook_lib.config.problems import table_of
from runbook_lib.publishing.configuration_reference import configuration_reference, type_words


def tables(kind):
    yield kind
    for about in kind.model_fields.values():
        inner = table_of(about.annotation)
        if inner is not None:
            yield from tables(inner)


def test_every_key_of_every_table_is_there():
    text = configuration_reference()
    for kind in set(tables(Configuration)):
        for name in kind.model_fields:
            assert f"| <code>{name}</code> |" in text


def test_types_are_called_as_a_writer_calls_them():
    fields = Environment.model_fields
    assert type_words(fields["platform"].annotation) == "git or docker"
    assert type_words(fields["url"].annotation) == "text"
    assert type_words(fields["git"].annotation) == "table"
    assert type_words(fields["replica_urls"].annotation) == "list of text"
    assert type_words(fields["staging_valid"].annotation) == "number"
    assert type_words(Configuration.model_fields["services"].annotation) == "table of table by name"


def test_what_has_no_default_is_required():
    assert "| <code>url</code> | text | **required** | Base url as users reach it" in configuration_reference()
