"""Tables as people and other systems write them: any delimiter, any encoding mark, names in any case."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from harness.errors import SpecError
from harness.interchange.records import Person

SNIFFED_LINES: Final = 3
KEYS: Final = (
    "learner",
    "key",
    "login",
    "username",
    "user",
    "id",
    "student_id",
    "student id",
    "sid",
    "email",
    "identifier",
)
NAMES: Final = ("name", "full name", "student", "learner name")
FIRST: Final = ("first_name", "first name", "firstname", "given name")
LAST: Final = ("last_name", "last name", "surname", "lastname", "family name")
EMAIL: Final = ("email", "email address", "e-mail", "mail")
SECTION: Final = ("section", "sections", "group", "class")
FIELD_CAP: Final = 1 << 20


def text_of(data: bytes) -> str:
    """Return a table's text: UTF-8 with or without a mark, UTF-16 with one, else Windows' Latin."""
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def delimiter_of(text: str) -> str:
    """Return which of `,`, `;` and tab the first lines use most."""
    head = "".join(text.splitlines(keepends=True)[:SNIFFED_LINES])
    return max(",;\t", key=head.count)


def cells_of(data: bytes) -> list[list[str]]:
    """Return the rows of a table; raises `SpecError` if it is none."""
    text = text_of(data)
    if "\x00" in text:
        raise SpecError("this is not a table in CSV")
    csv.field_size_limit(FIELD_CAP)
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text)) if row]
    except csv.Error as error:
        raise SpecError(f"this is not a table in CSV: {error}") from None


def records_of(data: bytes) -> Iterator[dict[str, str]]:
    """Yield the rows below the header by its names in lower case, spaces at the ends taken off."""
    rows = cells_of(data)
    if not rows:
        raise SpecError("the table is empty", hint="its first line names the columns")
    header = [name.strip().lower() for name in rows[0]]
    for row in rows[1:]:
        if any(value.strip() for value in row):
            yield dict(zip(header, (value.strip() for value in row), strict=False))


def read_roster(data: bytes) -> list[Person]:
    """Return the people of a roster; raises `SpecError` if no column says who they are.

    Columns are known by name: learner (or login, id, e-mail), name (or first and last name),
    email, section. Every other column is another name of theirs, such as `canvas` or `github`.
    """
    people = [_person(record) for record in records_of(data)]
    if not people or not all(one.key for one in people):
        hint = f"name a column one of: {', '.join(KEYS[:6])}"
        raise SpecError("the roster has lines that do not say whose they are", hint=hint)
    return people


def _person(record: dict[str, str]) -> Person:
    used = {*KEYS, *NAMES, *FIRST, *LAST, *EMAIL, *SECTION}
    name = first_of(record, NAMES) or f"{first_of(record, FIRST)} {first_of(record, LAST)}".strip()
    ids = {column: value for column, value in record.items() if column and column not in used and value}
    key = first_of(record, KEYS)
    others = {column: record[column] for column in KEYS if record.get(column) and column not in EMAIL}
    others = {column: value for column, value in others.items() if value != key}
    return Person(
        key=key,
        name=name,
        email=first_of(record, EMAIL),
        section=first_of(record, SECTION),
        ids={**ids, **others},
    )


def first_of(record: dict[str, str], columns: tuple[str, ...]) -> str:
    """Return the first of some columns that holds anything."""
    return next((record[column] for column in columns if record.get(column)), "")
