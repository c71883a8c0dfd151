"""What travels arrives as it was: intake says of it what it says at home."""

import os
from pathlib import Path

import pytest

from harness.cluster.parcel import Item, Parcel, as_at_home, pack, unpacked
from harness.cohort.grading import read
from harness.intake.folder import BYTES_CAP, FILES_CAP
from harness.interchange.records import Handed, Person

ADA = (Person(key="ada"),)
CODE = "def add(a, b): return a + b\n"


def folder(root: Path) -> None:
    (root / "small.py").write_text(CODE)
    (root / "data").mkdir()
    (root / "data" / "values.csv").write_bytes(bytes(range(256)))


def ignored(root: Path) -> None:
    folder(root)
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("ref")
    (root / ".DS_Store").write_bytes(b"0" * 100)
    (root / "mine").mkdir()
    (root / "mine" / "pyvenv.cfg").write_text("home = /usr/bin")
    (root / "mine" / "lib").mkdir()
    (root / "mine" / "lib" / "small.py").write_text("wrong")


def conda(root: Path) -> None:
    folder(root)
    (root / "conda-meta").mkdir()
    (root / "conda-meta" / "history").write_text("==> now <==")
    (root / "lib").mkdir()
    (root / "lib" / "small.py").write_text("wrong")


def linked(root: Path) -> None:
    folder(root)
    (root / "elsewhere").symlink_to("/etc")


def linked_file(root: Path) -> None:
    folder(root)
    (root / "passwd").symlink_to("/etc/passwd")


def pipe(root: Path) -> None:
    folder(root)
    os.mkfifo(root / "pipe")


def large(root: Path) -> None:
    folder(root)
    with (root / "weights.bin").open("wb") as stream:
        stream.truncate(3 * BYTES_CAP)


def many(root: Path) -> None:
    folder(root)
    (root / "many").mkdir()
    for number in range(FILES_CAP + 50):
        (root / "many" / f"{number}.txt").touch()


def odd_names(root: Path) -> None:
    folder(root)
    (root / "grüße ✓.txt").write_text("x")
    (root / os.fsdecode(b"\xff.txt")).write_text("x")


def nothing(root: Path) -> None:
    (root / "notes.txt").write_text("x")


FOLDERS = [folder, ignored, conda, linked, linked_file, pipe, large, many, odd_names, nothing]


@pytest.mark.parametrize("make", FOLDERS, ids=lambda one: one.__name__)
def test_intake_says_of_a_folder_what_it_says_at_home(make, tiny, tmp_path):
    root = tmp_path / "ada"
    root.mkdir()
    make(root)
    same(tiny, Handed(people=ADA, path=root))


@pytest.mark.parametrize("text", [CODE, "def add(", ""], ids=["right", "syntax", "empty"])
def test_intake_says_of_a_file_what_it_says_at_home(text, tiny, tmp_path):
    file = tmp_path / "ada's work.py"
    file.write_text(text)
    same(tiny, Handed(people=ADA, path=file))
    link = tmp_path / "link.py"
    link.symlink_to(file)
    arrived(Handed(people=ADA, path=link), lambda there, _: there.path.is_symlink())


def test_scattered_files_are_brought_together(tiny, tmp_path):
    files = []
    for place, name in enumerate(["small.py", "more.py"]):
        (tmp_path / str(place)).mkdir()
        file = tmp_path / str(place) / "upload.bin"
        file.write_text(CODE + name)
        files.append((name, file))
    same(tiny, Handed(people=ADA, path=Path("ada_small"), files=tuple(files)))


def same(course, handed):
    """Compare what intake makes of it here with what it makes of it there."""
    exercise = course.find("small")
    here = told(course, exercise, handed)

    def there(arrived, parcel_and_root):
        parcel, root = parcel_and_root
        found = told(course, exercise, arrived)
        return as_at_home(found.encode("utf-8", "surrogateescape"), parcel, root).decode(
            "utf-8", "surrogateescape"
        )

    found = arrived(handed, there)
    if handed.files:  # it is gathered in a folder whose name is drawn, at home too
        here, found = (text.replace(text.split("origin='")[1].split("'")[0], "") for text in (here, found))
    assert found == here


def told(course, exercise, handed):
    submission, refused = read(course, exercise, handed, "ada")
    return f"{submission!r} {refused}"


def arrived(handed, then):
    parcel = pack(handed)
    with unpacked(parcel) as (there, root):
        made = then(there, (parcel, root))
    assert not root.exists()
    return made


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../out"])
def test_nothing_is_written_outside_of_its_folder(name, tmp_path):
    handed = Handed(people=ADA, path=Path("ada"))
    parcel = Parcel(
        handed=handed, items=(Item(name="", kind="folder"), Item(name=name, kind="file", data=b"x"))
    )
    with pytest.raises(ValueError, match="leads out of its folder"), unpacked(parcel):
        pass


def test_what_cannot_be_read_is_an_error_here_and_not_a_verdict_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        pack(Handed(people=ADA, path=tmp_path / "gone"))
