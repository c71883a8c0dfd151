"""Files and folders as learners hand them in: read as they are, or refused in words that say what to do."""

import codecs
import encodings.aliases
import os
import random
import socket
import subprocess
import time
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import NothingThere, SubmissionError
from harness.intake import folder as folders
from harness.intake import read_submission
from harness.intake.names import DEPTH_CAP, check_names
from harness.intake.python import check_python
from harness.intake.read import digest
from harness.records import Exercise, Limits, SourceFile

EXERCISE = Exercise(id="stage/small", title="", summary="", entry="small.py")
GOOD = b"def one():\n    return 1\n"


def refused(call) -> SubmissionError:
    with pytest.raises(SubmissionError) as error:
        call()
    assert "\n" not in str(error.value)
    return error.value


def laid_out(root, files: dict[str, bytes | None]):
    """Make files below a folder; None makes an empty folder."""
    for name, data in files.items():
        place = root / name
        (place if data is None else place.parent).mkdir(parents=True, exist_ok=True)
        if data is not None:
            place.write_bytes(data)
    return root


def judged(data: bytes) -> str:
    try:
        check_python(data, "small.py")
    except SubmissionError as error:
        return str(error)
    return "taken"


# ---- one file --------------------------------------------------------------------------------

TAKEN = {
    "plain": GOOD,
    "bom": codecs.BOM_UTF8 + GOOD,
    "windows-lines": GOOD.replace(b"\n", b"\r\n"),
    "mac-lines": GOOD.replace(b"\n", b"\r"),
    "no-last-newline": GOOD.rstrip(),
    "mixed-tabs": b"def one():\n\tif 1:\n        return 1\n",
    "latin-1-with-cookie": "# -*- coding: latin-1 -*-\nname = 'Ré'\n".encode("latin-1"),
    "other-scripts": "größe = '大きさ 🙂'\n".encode(),
    "syntax-error": b"def one(:\n",
    "newer-python": b"type X = int\n",
    "docstring-only": b'"""Not much."""\n',
    "form-feed": b"\x0cx = 1\n",
}


@pytest.mark.parametrize("data", TAKEN.values(), ids=TAKEN)
def test_python_in_any_clothes_is_taken_as_it_is(tmp_path, data):
    """A syntax error, too: it is found at import, and costs what it costs there."""
    file = laid_out(tmp_path, {"small.py": data}) / "small.py"
    submission = read_submission(file, EXERCISE)
    assert submission.files == (SourceFile(path="small.py", data=data),)
    assert (submission.entry, submission.learner, submission.notices) == ("small.py", "small", ())
    assert submission.origin == str(file)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
REFUSED = {
    "B01-pdf": (b"%PDF-1.7\n...", "small.py: expected Python text, got a PDF"),
    "B01-png": (b"\x89PNG\r\n\x1a\n", "small.py: expected Python text, got a PNG image"),
    "B01-program": (b"\x7fELF\x02\x01", "small.py: expected Python text, got a program"),
    "B02-utf16": (GOOD.decode().encode("utf-16"), "small.py: expected Python text, got UTF-16 text"),
    "B02-utf16-without-mark": (
        GOOD.decode().encode("utf-16-le"),
        "small.py: expected Python text, got binary data (a NUL byte)",
    ),
    "B02-latin-1": ("x = 'Ré'\n".encode("latin-1"), "small.py: byte 6 (0xe9) is not utf-8"),
    "B02-lying-cookie": ("# coding: ascii\nx = 'é'\n".encode(), "small.py: byte 21 (0xc3) is not ascii"),
    "B02-unknown-cookie": (b"# coding: klingon\nx = 1\n", "small.py: unknown encoding: klingon"),
    "B02-cookie-of-host-names": (b"# coding: idna\nx = 1\n", "small.py: unknown encoding: idna"),
    "B02-cookie-against-bom": (
        codecs.BOM_UTF8 + b"# coding: latin-1\nx = 1\n",
        "small.py: encoding problem: utf-8",
    ),
    "B05-empty": (b"", "small.py: nothing is implemented: the file holds no statement"),
    "B05-blank": (b" \n\t\r\n\x0c", "small.py: nothing is implemented: the file holds no statement"),
    "B05-comments": (
        b"# here be code\n   # soon",
        "small.py: nothing is implemented: the file holds no statement",
    ),
    "B05-bom-alone": (codecs.BOM_UTF8, "small.py: nothing is implemented: the file holds no statement"),
    "B33-bzip2": (b"BZh91AY&SY", "small.py: expected Python text, got a bzip2 archive"),
    "B33-7z": (b"7z\xbc\xaf\x27\x1c", "small.py: expected Python text, got a 7z archive"),
    "B39-nul": (b"x = 1\n\x00", "small.py: expected Python text, got binary data (a NUL byte)"),
    "B42-lfs": (LFS, "small.py: expected Python text, got a Git LFS pointer, not the file itself"),
    "B42-annex": (
        b"/annex/objects/SHA256E-s1--4d7a.py\n",
        "small.py: expected Python text, got a git-annex pointer, not the file itself",
    ),
}


@pytest.mark.parametrize(("data", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_python_is_said(tmp_path, data, words):
    laid_out(tmp_path, {"small.py": data})
    assert str(refused(lambda: read_submission(tmp_path / "small.py", EXERCISE))) == words
    assert str(refused(lambda: read_submission(tmp_path, EXERCISE))) == words


@pytest.mark.parametrize(
    "name", sorted(set(encodings.aliases.aliases.values()) | {"undefined", "idna", "unicode_escape"})
)
def test_no_encoding_that_a_file_claims_raises_anything_else(name):
    noise = random.Random(name).randbytes(200)
    for rest in (b"x = 1\n", noise, b"a." * 5000, b"x-" * 5000, bytes(range(128, 256))):
        assert judged(b"# coding: %s\n" % name.encode() + rest).startswith(("taken", "small.py: "))


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data):
    assert judged(data).startswith(("taken", "small.py: "))


@pytest.mark.parametrize("cookie", ["idna", "punycode", "utf-7", "unicode_escape", "utf-8"])
def test_reading_takes_time_in_proportion(cookie):
    began = time.thread_time()
    judged(b"# coding: %s\n" % cookie.encode() + b"a.b-" * 500_000)
    assert time.thread_time() - began < 5


STARTERS = {
    "unchanged": (GOOD, True),
    "other-lines-and-spaces": (b"def one():\r\n\treturn 1", True),
    "one-word-more": (GOOD + b"pass\n", False),
    "one-word-less": (b"def one():\n    return\n", False),
}


@pytest.mark.parametrize(("data", "is_starter"), STARTERS.values(), ids=STARTERS)
def test_the_starter_is_no_work(tmp_path, data, is_starter):
    laid_out(tmp_path, {"small.py": data})
    if is_starter:
        error = refused(lambda: read_submission(tmp_path, EXERCISE, starter=GOOD))
        assert str(error) == "small.py: nothing is implemented: this is the unchanged starter"
    else:
        read_submission(tmp_path, EXERCISE, starter=GOOD)


# ---- where it lies ---------------------------------------------------------------------------


def test_a_file_of_another_name_is_graded_and_said(tmp_path):
    laid_out(tmp_path, {"my work.py": GOOD})
    submission = read_submission(tmp_path / "my work.py", EXERCISE)
    assert (submission.entry, submission.learner) == ("small.py", "my work")
    assert submission.notices == ("my work.py was graded as small.py.",)


@pytest.mark.parametrize(("asked", "near"), [("smal.py", "small.py"), ("zzz", "")])
def test_nothing_there_is_said_with_a_near_name(tmp_path, asked, near):
    laid_out(tmp_path, {"small.py": GOOD})
    with pytest.raises(NothingThere) as error:
        read_submission(tmp_path / asked, EXERCISE)
    assert str(error.value) == f"{tmp_path / asked} does not exist"
    assert error.value.hint == (f"Did you mean '{tmp_path / near}'?" if near else "")


@pytest.mark.parametrize(
    "path", ["x" * 300, "a/" * 2000 + "b", "small.py/inside"], ids=["long", "deep", "below-a-file"]
)
def test_a_path_that_cannot_be_is_nothing_there(tmp_path, path):
    laid_out(tmp_path, {"small.py": GOOD})
    with pytest.raises(NothingThere):
        read_submission(tmp_path / path, EXERCISE)


def test_the_folder_one_stands_in_has_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(laid_out(tmp_path / "ada", {"small.py": GOOD}))
    assert read_submission(Path(), EXERCISE).learner == "ada"
    assert read_submission(Path("../ada"), EXERCISE, learner="Ada L.").learner == "Ada L."


def linked_file(root):
    laid_out(root, {"work/small.py": GOOD, "secret": b"x = 1"})
    (root / "work" / "notes.py").symlink_to(root / "secret")


def linked_entry(root):
    laid_out(root, {"work": None, "secret": GOOD})
    (root / "work" / "small.py").symlink_to(root / "secret")


def linked_folder(root):
    laid_out(root, {"work/small.py": GOOD, "secret/a": b"x"})
    (root / "work" / "data").symlink_to(root / "secret")


def dangling(root):
    laid_out(root, {"work/small.py": GOOD})
    (root / "work" / "gone").symlink_to(root / "nowhere")


def fifo(root):
    laid_out(root, {"work/small.py": GOOD})
    os.mkfifo(root / "work" / "pipe")


def unix_socket(root):
    laid_out(root, {"work/small.py": GOOD})
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "work" / "door"))


ODD_FILES = {
    "E06-link-to-a-file": (linked_file, "work/notes.py is a symbolic link"),
    "E06-entry-is-a-link": (linked_entry, "work/small.py is a symbolic link"),
    "E06-link-to-a-folder": (linked_folder, "work/data is a symbolic link"),
    "E06-dangling-link": (dangling, "work/gone is a symbolic link"),
    "E09-fifo": (fifo, "work/pipe is not a regular file"),
    "E09-socket": (unix_socket, "work/door cannot be read: No such device or address"),
}


@pytest.mark.parametrize(("make", "words"), ODD_FILES.values(), ids=ODD_FILES)
def test_links_and_odd_files_are_refused_and_never_waited_for(tmp_path, make, words):
    make(tmp_path)
    assert str(refused(lambda: read_submission(tmp_path / "work", EXERCISE))) == f"{tmp_path}/{words}"


def test_a_path_that_is_a_link_is_refused(tmp_path):
    laid_out(tmp_path, {"work/small.py": GOOD})
    (tmp_path / "link").symlink_to(tmp_path / "work")
    assert (
        str(refused(lambda: read_submission(tmp_path / "link", EXERCISE)))
        == f"{tmp_path}/link is a symbolic link"
    )


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_a_path_that_is_no_file_is_refused(tmp_path, kind):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    path = path if kind == "fifo" else Path("/dev/zero")
    assert "is not a regular file" in str(refused(lambda: read_submission(path, EXERCISE)))


# ---- how much --------------------------------------------------------------------------------


def test_a_huge_file_is_refused_without_being_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "BYTES_CAP", 1 << 20)
    (tmp_path / "small.py").write_bytes(GOOD)
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(1 << 42)
    error = refused(lambda: read_submission(tmp_path, EXERCISE))
    assert str(error) == f"{tmp_path}/weights.bin is larger than 1 MiB"


@pytest.mark.parametrize(
    "files",
    [{f"{i}.txt": b"" for i in range(30)}, {f"{i}.bin": bytes(1 << 17) for i in range(9)}],
    ids=["many", "large-together"],
)
def test_too_much_is_refused(tmp_path, monkeypatch, files):
    monkeypatch.setattr(folders, "BYTES_CAP", 1 << 20)
    monkeypatch.setattr(folders, "FILES_CAP", 20)
    error = refused(lambda: read_submission(laid_out(tmp_path, files), EXERCISE))
    assert str(error) == f"{tmp_path} holds more than 20 files or 1 MiB"
    assert error.hint == "leave out data, caches and environments"


@pytest.mark.parametrize("depth", [DEPTH_CAP + 1, 150])
def test_too_deep_is_refused(tmp_path, depth):
    laid_out(tmp_path, {"small.py": GOOD})
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    try:
        assert "deeper than 20 folders" in str(refused(lambda: read_submission(tmp_path, EXERCISE)))
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # shutil gives up at such a depth


def test_what_cannot_be_read_is_said(tmp_path, monkeypatch):
    laid_out(tmp_path, {"small.py": GOOD, "inner/a.py": GOOD})
    look = os.scandir

    def forbidden(place):  # root may read all, so that no mode keeps the tests from it
        if str(place).endswith("inner"):
            raise PermissionError(13, "Permission denied", str(place))
        return look(place)

    monkeypatch.setattr(os, "scandir", forbidden)
    words = f"{tmp_path}/inner cannot be read: Permission denied"
    assert str(refused(lambda: read_submission(tmp_path, EXERCISE))) == words


# ---- names -----------------------------------------------------------------------------------

NAMES = {
    "B31-option": ("-rf.py", "starts with '-'"),
    "B31-option-below": ("a/--config=x", "starts with '-'"),
    "B31-reserved": ("CON", "is not portable"),
    "B31-reserved-with-suffix": ("a/nul.txt", "is not portable"),
    "B31-last-dot": ("a./b", "is not portable"),
    "B31-last-space": ("a.py ", "is not portable"),
    "B31-first-space": (" a.py", "is not portable"),
    "B31-long": ("a" * 201, "is longer than 200 bytes"),
    "B31-long-in-bytes": ("ä" * 101, "is longer than 200 bytes"),
    "B31-deep": ("a/" * 20 + "b", "deeper than 20 folders"),
    "B31-direction": ("a\u202egpj.py", "holds a character"),
    "B31-direction-mark": ("a\u061c.py", "holds a character"),
    "B38-escape": ("a\x1b[31m.py", "holds a character"),
    "B38-c1": ("a\x9b31m.py", "holds a character"),
    "B38-line-separator": ("a\u2028.py", "holds a character"),
    "B38-newline": ("a\nb.py", "holds a character"),
    "B39-nul": ("a\x00.py", "holds a character"),
    "B39-not-utf8": ("a\udcff.py", "holds a character"),
    "E08-up": ("../a.py", "does not stay in its folder"),
    "E08-up-inside": ("a/../../b", "does not stay in its folder"),
    "E08-absolute": ("/etc/passwd", "does not stay in its folder"),
    "E08-doubled": ("a//b", "does not stay in its folder"),
    "E08-here": ("./a", "does not stay in its folder"),
    "E08-drive": ("C:/a", "holds a character"),
    "E08-backslash": ("a\\b", "holds a character"),
    "empty": ("", "does not stay in its folder"),
}


@pytest.mark.parametrize(("name", "words"), NAMES.values(), ids=NAMES)
def test_names_that_may_not_go_on(name, words):
    error = refused(lambda: check_names([name]))
    assert str(error).startswith("the file name '")
    assert words in str(error)
    assert str(error).isascii()
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    "names",
    [
        ["Model.py", "model.py"],
        ["a/B.py", "A/b.py"],
        ["straße", "STRASSE"],
        [unicodedata.normalize(f, "é.py") for f in ("NFC", "NFD")],
    ],
    ids=["B30-case", "B30-folders", "B30-folding", "B29-twins"],
)
def test_names_that_some_machines_take_for_one(names):
    error = refused(lambda: check_names(names))
    assert all(ascii(name) in str(error) for name in names)


@pytest.mark.parametrize(
    "name", ["a.py", "größe.py", "大きさ/a b.py", ".hidden", "a-b_c.d.py", "console.py", "auxiliary"]
)
def test_names_that_go_on(name):
    check_names([name])


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_a_name_that_goes_on_is_harmless(name):
    try:
        check_names([name])
    except SubmissionError:
        return
    name.encode()
    assert ".." not in name.split("/")
    assert not set(name) & set('\\:*?"<>|\x1b\r\n\x00')


def test_a_file_of_an_odd_name_is_graded_and_its_name_shown_safely(tmp_path):
    """The one file's own name goes nowhere: it is graded as the entry. It is shown, though."""
    path = os.fsencode(tmp_path) + b"/\x1b[31mca\xff\xe2\x80\xaefe.py"
    file = Path(os.fsdecode(path))
    file.write_bytes(GOOD)
    submission = read_submission(file, EXERCISE)
    for text in (submission.origin, submission.learner, *submission.notices):
        text.encode()
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert submission.learner == "\ufffd[31mca\ufffd\ufffdfe"


# ---- folders ---------------------------------------------------------------------------------

PLACES = {
    "at-the-top": ({"small.py": GOOD, "old/small.py": b"1"}, "small.py"),
    "below": ({"work/small.py": GOOD, "work/help.py": b"1"}, "work/small.py"),
}


@pytest.mark.parametrize(("files", "entry"), PLACES.values(), ids=PLACES)
def test_the_entry_is_found(tmp_path, files, entry):
    submission = read_submission(laid_out(tmp_path, files), EXERCISE)
    assert submission.entry == entry
    assert {file.path: file.data for file in submission.files} == files


NO_ENTRY = {
    "B34-several": (
        {"a/small.py": GOOD, "b/small.py": GOOD},
        "there are several small.py: a/small.py, b/small.py",
        "leave the one that counts at the top",
    ),
    "near": (
        {"smal.py": GOOD},
        "there is no small.py in what was handed in",
        "Did you mean 'smal.py'? Rename it.",
    ),
    "other-kind": (
        {"small.txt": GOOD},
        "there is no small.py in what was handed in",
        "Did you mean 'small.txt'? Rename it.",
    ),
    "other-case": (
        {"Small.py": GOOD},
        "there is no small.py in what was handed in",
        "Did you mean 'Small.py'? Rename it.",
    ),
    "others": (
        {"x.py": GOOD, "y.txt": b""},
        "there is no small.py in what was handed in",
        "Python files there: x.py. Rename it.",
    ),
    "nothing": ({"y.txt": b""}, "there is no small.py in what was handed in", "Python files there: none."),
    "empty-folder": (
        {"inner": None},
        "there is no small.py in what was handed in",
        "Python files there: none.",
    ),
    "only-ignored": (
        {".git/small.py": GOOD},
        "there is no small.py in what was handed in",
        "Python files there: none.",
    ),
}


@pytest.mark.parametrize(("files", "words", "hint"), NO_ENTRY.values(), ids=NO_ENTRY)
def test_without_an_entry_nothing_is_guessed(tmp_path, files, words, hint):
    error = refused(lambda: read_submission(laid_out(tmp_path, files), EXERCISE))
    assert (str(error), error.hint) == (words, hint)


def test_what_is_nobodys_work_is_left_out_and_said(tmp_path):
    files = {
        "small.py": GOOD,
        "venv/lib/a.py": b"1",
        ".git/config": b"",
        "__pycache__/small.pyc": b"",
        "a/__MACOSX/b": b"",
        "a/c.py": b"1",
    }
    submission = read_submission(laid_out(tmp_path, files), EXERCISE)
    assert [file.path for file in submission.files] == ["small.py", "a/c.py"]
    assert submission.notices == ("Ignored: .git, __MACOSX, __pycache__, venv.",)


def test_an_environment_is_known_by_what_it_holds_and_not_by_its_name(tmp_path):
    """`env` may be a learner's own package, as in reinforcement learning."""
    own = {"small.py": GOOD, "env/__init__.py": b"", "env/maze.py": b"1"}
    assert {file.path for file in read_submission(laid_out(tmp_path / "own", own), EXERCISE).files} == set(
        own
    )
    made = laid_out(
        tmp_path / "made", {"small.py": GOOD, "env/pyvenv.cfg": b"", "mine/conda-meta/history": b""}
    )
    (made / "env" / "bin").symlink_to("/usr/bin")
    submission = read_submission(made, EXERCISE)
    assert [file.path for file in submission.files] == ["small.py"]
    assert submission.notices == ("Ignored: env, mine.",)


@pytest.mark.parametrize("top", ["", "project/"])
def test_an_environment_made_amid_the_work_does_not_take_the_work_along(tmp_path, top):
    files = {"small.py": GOOD, "pyvenv.cfg": b"", "bin/activate": b"", "lib/python3.11/x.py": b"1"}
    made = laid_out(tmp_path / "made", {f"{top}{name}": data for name, data in files.items()})
    (made / top / "lib64").symlink_to("lib")
    submission = read_submission(made, EXERCISE)
    assert [file.path for file in submission.files] == sorted([f"{top}small.py", f"{top}pyvenv.cfg"])
    assert submission.notices[0] == "Ignored: bin, lib, lib64."


def test_what_the_sandbox_has_no_room_for_is_refused(tmp_path):
    """Were it brought in, the sandbox would fail, and that would be our fault."""
    small = replace(EXERCISE, limits=Limits(disk_mb=1))
    laid_out(tmp_path, {"small.py": GOOD, **{f"{i}.txt": b"1" for i in range(254)}})
    read_submission(tmp_path, small)
    (tmp_path / "one.txt").write_bytes(b"1")
    (tmp_path / "more.txt").write_bytes(b"1")
    assert str(refused(lambda: read_submission(tmp_path, small))).startswith(
        "what was handed in takes 1 MiB, and this exercise allows 1 MiB"
    )


def test_a_notice_stays_short_and_clean(tmp_path):
    laid_out(tmp_path, {"small.py": GOOD, **{f"{i:02}.pyc": b"" for i in range(30)}})
    (tmp_path / os.fsdecode(b"\x1b\xff.pyc")).write_bytes(b"")
    (notice,) = read_submission(tmp_path, EXERCISE).notices
    assert notice.startswith("Ignored: \ufffd\ufffd.pyc, 00.pyc, ")
    assert notice.endswith(" and 21 more.")


def test_a_file_that_hides_behind_a_library_is_noticed(tmp_path):
    files = {"small.py": GOOD, "torch.py": b"1", "json/__init__.py": b"", "mine.py": b"1"}
    assert read_submission(laid_out(tmp_path, files), EXERCISE).notices == (
        "json is also the name of a library; `import json` gets the library.",
        "torch is also the name of a library; `import torch` gets the library.",
    )


# ---- digests ---------------------------------------------------------------------------------

FILES = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), st.binary(max_size=8), max_size=4)


def files_of(tree: dict[str, bytes]) -> list[SourceFile]:
    return [SourceFile(path=path, data=data) for path, data in tree.items()]


@given(FILES, st.randoms(use_true_random=False))
def test_a_digest_does_not_depend_on_the_order(tree, rng):
    files = files_of(tree)
    before = digest(files)
    rng.shuffle(files)
    assert digest(files) == before


@given(FILES, FILES)
def test_a_digest_tells_different_contents_apart(one, other):
    assert (digest(files_of(one)) == digest(files_of(other))) == (one == other)


def test_a_digest_is_that_of_earlier_versions():
    """Results are found by it: it may not change unnoticed."""
    assert digest([SourceFile(path="small.py", data=GOOD)]).startswith("c66037953310b582")
