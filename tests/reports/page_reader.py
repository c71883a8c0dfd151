"""Reads a page back with the standard library's parser: its elements, attributes and text."""

from html.parser import HTMLParser

import pytest

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """The elements of a page as (name, attributes), and all text outside of its style and script."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.pieces, self.open, self.styles, self.scripts = [], [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == [], "an element was not closed"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        inside = self.open[-1] if self.open else ""
        {"style": self.styles, "script": self.scripts}.get(inside, self.pieces).append(data)

    def handle_comment(self, data):
        pytest.fail(f"a comment reached the page: {data!r}")

    @property
    def text(self):
        """All text, with every stretch of white space as one space."""
        return " ".join("".join(self.pieces).split())

    def of(self, tag):
        """Return the attributes of all elements of a name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def classed(self, name):
        """Return the elements that carry a class."""
        return [e for e in self.elements if name in (e[1].get("class") or "").split()]
