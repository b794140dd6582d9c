"""What the cells of an executed notebook showed, as Markdown, and the charts among it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from runbook_lib.publishing.markdown import fence

LINES = 60

_SVG = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_DRAWN = frozenset({"svg", "title", "line", "polyline", "circle", "text"})
_NOTEBOOK = re.compile(r"\[((?:[^\]\\]|\\.)*)\]\((\w+)\.ipynb\)")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def outputs_of(file: Path, runbooks: Collection[str] = ()) -> dict[str, str]:
    """By cell id, what each code cell of an executed notebook showed, as Markdown; nothing for a file that is not there
    or is no notebook. Cells that showed nothing are left out. runbooks: names of those with a page beside this one,
    to which what they showed may lead."""
    try:
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return {}
    shown = {str(cell.get("id", "")): "\n\n".join(_shown(cell)) for cell in cells if cell["cell_type"] == "code"}
    return {name: _led(text, runbooks) for name, text in shown.items() if text}


def _led(markdown: str, runbooks: Collection[str]) -> str:
    """Where a notebook leads to the next one, the page leads to its page; where there is none, it says the words."""

    def link(found: re.Match[str]) -> str:
        words, name = found.groups()
        return f"[{words}]({name}.md)" if name in runbooks else words

    return _NOTEBOOK.sub(link, markdown)


def _shown(cell: Mapping[str, Any]) -> Iterator[str]:
    for output in cell.get("outputs", ()):
        match output["output_type"]:
            case "stream":
                yield _plain(_joined(output["text"]))
            case "error":
                yield _plain(f"{output['ename']}: {output['evalue']}")
            case "execute_result" | "display_data":
                yield from _displayed(output["data"])


def _displayed(data: Mapping[str, Any]) -> Iterator[str]:
    if "text/markdown" in data:
        yield _joined(data["text/markdown"])
        yield from charts(_joined(data.get("text/html", "")))
    elif "text/plain" in data:
        plain = _joined(data["text/plain"])
        # The repr of a text is the text in quotes, which no reader wants.
        yield _plain(_unquoted(plain))


def charts(html: str) -> Iterator[str]:
    """The charts in a piece of HTML, each on one line; what is drawn with anything but lines and text is left out."""
    for found in _SVG.findall(html):
        try:
            root = ElementTree.fromstring(found)  # noqa: S314 - no entities: the pattern above holds elements only
        except ElementTree.ParseError:
            continue
        if all(node.tag in _DRAWN and not any(key.startswith("on") for key in node.attrib) for node in root.iter()):
            yield found.replace("\n", " ")


def _plain(text: str) -> str:
    lines = _ANSI.sub("", text).rstrip("\n").split("\n")
    more = [f"... {len(lines) - LINES} more lines"] if len(lines) > LINES else []
    return fence("\n".join([*lines[:LINES], *more]))


def _unquoted(plain: str) -> str:
    if len(plain) > 1 and plain[0] == plain[-1] and plain[0] in "'\"":
        return plain[1:-1].replace("\\n", "\n").replace("\\'", "'")
    return plain


def _joined(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "".join(value)
