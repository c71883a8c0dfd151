"""A learner's executed notebook as a page: nbconvert renders it, an allow-list cleans it, nothing runs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from reports.environment import environment
from reports.pictures import shown
from reports.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.addresses import Link

CAP: Final = 16 << 20
MOST: Final = {"markdown": 5_000, "raw": 5_000, "code": 20_000}
"""Characters of a cell: markdown may be made to take time by the square of its length."""
MOST_IN_ALL: Final = {"markdown": 100_000, "raw": 100_000, "code": 100_000}
MOST_ELEMENTS: Final = 500
"""Signs < in the markdown of all cells: elements that are never closed would lie in each other."""
MOST_PRINTED: Final = 20_000
"""Characters of an output."""
MOST_PRINTED_IN_ALL: Final = 100_000
CUT: Final = "\n\n(The rest is too long to be shown.)"
NOTEBOOK: Final = "Your notebook, as it ran"
"""What the way to such a page is called."""
SHOWN: Final = ("text/plain", "image/png")
TAGS: Final = frozenset(
    {
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "del",
        "div",
        "em",
        "hr",
        "i",
        "img",
        "pre",
        "span",
        "strong",
        "sub",
        "sup",
    }
    | {"dd", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "ul"}
    | {"table", "tbody", "td", "th", "thead", "tr"}
)
PICTURE: Final = "data:image/png;base64,"
_CLASS: Final = re.compile(
    r"(text_|code_|inner_)?cell|border-box-sizing|rendered(_html)?|text_cell_render|highlight|hl-ipython3"
    r"|input(_area|_prompt)?|output(_[a-z]+)*|prompt|ansi-[a-z-]+|[a-z]{1,2}\d?"
)
"""What nbconvert and its highlighter call things; learners' own classes could dress up as ours."""


def notebook_page(notebook: str, title: str, links: Sequence[Link] = ()) -> str:
    """Return a self-contained page for a notebook of format 4 in JSON.

    Of every output only text and pictures stay. What nbconvert renders goes once more
    through an allow-list of elements and attributes, and the page's policy runs no script.

    Raises:
        ValueError: it is no notebook, or over the cap.
    """
    if len(notebook) > CAP:
        raise ValueError("the notebook is too large to show")
    try:
        body = _rendered(_without_activity(_plain(json.loads(notebook))))
    except Exception as error:  # noqa: BLE001 - nbformat and nbconvert let whatever they meet escape
        raise ValueError(f"this is no notebook: {error!s:.200}") from None
    return environment().get_template("notebook.html").render(title=title, body=body, links=links)


def _plain(value: Any) -> Any:
    """Return JSON whose texts hold nothing that is unseen or acts on a screen, but for the ends of lines."""
    match value:
        case str():
            return visible(value)
        case list():
            return [_plain(one) for one in value]
        case dict():
            return {key: _plain(one) for key, one in value.items()}
    return value


def _without_activity(tree: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook with text and pictures as its only outputs, all of it within bounds."""
    left, elements, printed = dict(MOST_IN_ALL), MOST_ELEMENTS, MOST_PRINTED_IN_ALL
    for cell in tree["cells"]:
        kind = cell.get("cell_type")
        cell["source"] = _cut(cell.get("source"), min(MOST.get(kind, 0), left.get(kind, 0)))
        if kind == "code":
            cell["outputs"] = [_harmless(output, printed) for output in cell.get("outputs") or []]
            printed = max(0, printed - sum(map(_length, cell["outputs"])))
        else:
            cell.pop("outputs", None)
            pieces = cell["source"].split("<")
            cell["source"] = _cut(cell["source"], len("<".join(pieces[: elements + 1])))
            elements = max(0, elements - len(pieces) + 1)
        cell.pop("attachments", None)
        left[kind] = max(0, left.get(kind, 0) - len(cell["source"]))
    return tree


def _harmless(output: dict[str, Any], left: int) -> dict[str, Any]:
    """Return an output with text and pictures only, the text no longer than what is left."""
    most, data = min(MOST_PRINTED, left), output.get("data")
    if isinstance(data, dict):
        kept = {kind: data[kind] for kind in SHOWN if kind in data}
        if "text/plain" in kept:
            kept["text/plain"] = _cut(kept["text/plain"], most)
        return {**output, "metadata": {}, "data": kept}
    if "text" in output:
        return {**output, "text": _cut(output["text"], most)}
    if "traceback" in output:
        return {**output, "traceback": [_cut(output["traceback"], most)]}
    return output


def _cut(text: object, most: int) -> str:
    """Return a text, or the lines of one, up to a length."""
    whole = "".join(map(str, text)) if isinstance(text, list) else str(text or "")
    return whole if len(whole) <= most else whole[:most] + CUT


def _length(output: dict[str, Any]) -> int:
    data = output.get("data")
    shown_text = data.get("text/plain", "") if isinstance(data, dict) else output.get("text", "")
    return len(shown_text) + sum(map(len, output.get("traceback") or ()))


def _rendered(tree: dict[str, Any]) -> Markup:
    import bleach
    import nbformat
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="basic", exclude_anchor_links=True)
    body, _ = exporter.from_notebook_node(nbformat.reads(json.dumps(tree), as_version=4))
    clean = bleach.clean(body, tags=TAGS, attributes=_kept, protocols={"data", "http", "https"}, strip=True)
    return Markup(clean)  # noqa: S704 - only elements and attributes that are let through are left


def _kept(tag: str, name: str, value: str) -> bool:
    """Say whether an attribute stays: links for people to follow, sound pictures, and nbconvert's classes."""
    if name == "class":
        return all(_CLASS.fullmatch(one) for one in value.split())
    if tag == "a":
        return name == "title" or (name == "href" and value.startswith(("http://", "https://")))
    if tag == "img" and name == "src":
        return value.startswith(PICTURE) and shown("".join(value[len(PICTURE) :].split())) is not None
    return tag == "img" and name == "alt"
