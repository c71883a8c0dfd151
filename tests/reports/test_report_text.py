"""Text is shown whole or says what is missing, and holds nothing unseen."""

import pytest
from hostile_strings import DECEIVING, MARKUP

from reports.text import capped, ends, line, prose, visible


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("plain ✓ Ελληνικά 中文 עברית", "plain ✓ Ελληνικά 中文 עברית", id="plain"),
        pytest.param("a\tb\nc", "a\tb\nc", id="tab-and-newline-stay"),
        pytest.param("a\r\nb\rc\u2028d", "a\nb\nc\nd", id="line-ends"),
        pytest.param("\x1b[1;31mred\x1b[0m", "red", id="colour"),
        pytest.param("\x1b]0;title\x07after", "after", id="window-title"),
        pytest.param("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link", id="terminal-link"),
        pytest.param("\x9b31mred", "red", id="8-bit-introducer"),
        pytest.param("\x1b[31", "\\x1b[31", id="unfinished-sequence"),
        pytest.param("\x1b\x1b[0m[31mx", "\\x1b[31mx", id="sequence-within-a-sequence"),
        pytest.param("a\x00b\x07", "a\\x00b\\x07", id="control"),
        pytest.param("a\u202egnp", "a\\u202egnp", id="direction"),
        pytest.param("a\U000e0041", "a\\U000e0041", id="tag-character"),
        pytest.param("\ud800", "\\ud800", id="lone-surrogate"),
        pytest.param("نامه\u200cای 👩\u200d🔬", "نامه\u200cای 👩\u200d🔬", id="joiners-stay"),
        pytest.param("e\u0301", "e\u0301", id="an-accent-stays"),
        pytest.param("e" + "\u0301" * 90, "e" + "\u0301" * 4, id="a-heap-of-accents"),
    ],
)
def test_visible(text, want):
    assert visible(text) == want


@pytest.mark.parametrize("text", MARKUP + DECEIVING, ids=lambda p: ascii(p)[1:40])
def test_visible_twice_changes_nothing(text):
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize(
    "text", ["\x1b]" * 50_000, "\x1b[" + "0" * 100_000, "\x1bP" * 50_000, "\u0301" * 100_000]
)
@pytest.mark.timeout(5)
def test_visible_takes_linear_time(text):
    assert "\x1b" not in visible(text)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("short", "short", id="short"),
        pytest.param("a" * 12, "a" * 10 + "\n… truncated: 2 more characters", id="characters"),
        pytest.param("1\n2\n3\n4\n5", "1\n2\n3\n… truncated: 2 more lines", id="lines"),
        pytest.param("1\n2\n3", "1\n2\n3", id="just-as-many-lines"),
        pytest.param("", "", id="empty"),
    ],
)
def test_capped(text, want):
    assert capped(text, characters=10, lines=3) == want


def test_capped_says_how_much_of_a_huge_message_is_missing():
    assert capped("x" * 100_000).endswith("… truncated: 98,000 more characters")


def test_ends_keeps_both_ends():
    shown = ends("a" * 50 + "b" * 900 + "c" * 50, 50, 50)
    assert shown.startswith("a" * 50 + "\n")
    assert "truncated: 900 characters left out" in shown
    assert shown.endswith("\n" + "c" * 50)
    assert ends("short", 50, 50) == "short"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("  two\n words ", "two words", id="white-space"),
        pytest.param("x" * 30, "x" * 19 + "…", id="long"),
        pytest.param("x" * 20, "x" * 20, id="just-fits"),
    ],
)
def test_line(text, want):
    assert line(text, 20) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("call `f(x)` now", "call <code>f(x)</code> now", id="code"),
        pytest.param("`<b>`", "<code>&lt;b&gt;</code>", id="escaped-inside"),
        pytest.param("a ` b", "a ` b", id="a-single-backtick"),
        pytest.param("a & b", "a &amp; b", id="ampersand"),
    ],
)
def test_prose(text, want):
    assert str(prose(text)) == want
