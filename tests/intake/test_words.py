"""The words that learners get for honest mistakes, row by row of THREATS.md section 2d, exactly as they are printed.

A change of a text is a change of this table. What is refused before anything runs is in the first, with
the hint; what a check says, in the second.
"""

import io
import json
import random
import sys
import tarfile
import zipfile

import pytest

from harness.catalog import load_exercise
from harness.cli.options import read
from harness.grade import Options, grade
from harness.records import Exercise, Limits
from tests.conftest import SPEC

EXERCISE = Exercise(id="stage/small", title="", summary="", entry="small.py", limits=Limits(disk_mb=1))
GOOD = b"def add(a, b):\n    return a + b\n"
CODE = {"cell_type": "code", "metadata": {}, "outputs": [], "source": "x = 1"}


class NoCourse:
    """A course without starters."""

    def __init__(self, root):
        self.root = root

    def exercise_folder(self, name):
        return self.root / name


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def tarred(*members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data, kind in members:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(data), kind, "/etc/passwd"
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def encrypted():
    data = bytearray(zipped(("small.py", GOOD)))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1
    return bytes(data)


def notebook(**more):
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [CODE], **more}).encode()


REFUSED = {
    "B01-pdf": (
        "small.py",
        b"%PDF-1.7",
        "small.py: expected Python text, got a PDF. Save it as UTF-8 .py and try again.",
    ),
    "B02-encoding": (
        "small.py",
        "x = 'Ré'\n".encode("latin-1"),
        "small.py: byte 6 (0xe9) is not utf-8. Save the file as UTF-8.",
    ),
    "B05-empty": ("small.py", b"# soon\n", "small.py: nothing is implemented: the file holds no statement."),
    "B24-no-json": (
        "small.ipynb",
        b'{\n  "cells": [],\n}',
        "small.ipynb, line 3, column 1: Expecting property name enclosed in double quotes."
        " Open and save it in Jupyter.",
    ),
    "B24-nan": (
        "small.ipynb",
        b'{"cells": [NaN]}',
        "small.ipynb is not a notebook: NaN is not JSON. Open and save it in Jupyter.",
    ),
    "B25-language": (
        "small.ipynb",
        notebook(metadata={"kernelspec": {"language": "R"}}),
        "small.ipynb is a notebook for 'r', not for Python.",
    ),
    "B25-no-code": (
        "small.ipynb",
        notebook(cells=[]),
        "small.ipynb: nothing is implemented: no code cell holds anything.",
    ),
    "B30-twins": (
        "w.zip",
        zipped(("small.py", GOOD), ("Small.py", GOOD)),
        "the file names 'small.py' and 'Small.py' differ only in case or accents.",
    ),
    "B31-reserved": (
        "w.zip",
        zipped(("small.py", GOOD), ("nul.txt", b"")),
        "the file name 'nul.txt' is not portable. Rename it.",
    ),
    "B31-option": (
        "w.zip",
        zipped(("small.py", GOOD), ("-rf", b"")),
        "the file name '-rf' starts with '-'. Rename it.",
    ),
    "B32-link": (
        "w.tar.gz",
        tarred(("small.py", GOOD, tarfile.REGTYPE), ("data", b"", tarfile.SYMTYPE)),
        "w.tar.gz: 'data' is a link or a device. Pack plain files.",
    ),
    "B33-encrypted": ("w.zip", encrypted(), "w.zip is encrypted. Pack it without a password."),
    "B33-compression": (
        "w.zip",
        zipped(("small.py", GOOD), method=zipfile.ZIP_BZIP2),
        "w.zip uses an unusual compression. Use ordinary zip or .tar.gz.",
    ),
    "B33-truncated": (
        "w.zip",
        zipped(("small.py", GOOD))[:40],
        "w.zip cannot be unpacked: File is not a zip file. Make a new .zip or .tar.gz.",
    ),
    "B33-7z": (
        "w.7z",
        b"7z\xbc\xaf\x27\x1c",
        "w.7z: expected Python text, got a 7z archive. Save it as UTF-8 .py and try again.",
    ),
    "B34-two-candidates": (
        "w.zip",
        zipped(("a/small.py", GOOD), ("b/small.py", GOOD)),
        "there are several small.py: a/small.py, b/small.py. Leave the one that counts at the top.",
    ),
    "B34-two-notebooks": (
        "w.zip",
        zipped(("one.ipynb", notebook()), ("two.ipynb", notebook())),
        "there are several notebooks: one.ipynb, two.ipynb. Hand in the one that counts.",
    ),
    "B34-near": (
        "w.zip",
        zipped(("smal.py", GOOD), ("x.txt", b"")),
        "there is no small.py in what was handed in. Did you mean 'smal.py'? Rename it.",
    ),
    "B42-pointer": (
        "small.py",
        b"version https://git-lfs.github.com/spec/v1\n",
        "small.py: expected Python text, got a Git LFS pointer, not the file itself."
        " Save it as UTF-8 .py and try again.",
    ),
    "B44-too-large": (
        "w.zip",
        zipped(("small.py", GOOD), ("data/weights.pt", random.Random(0).randbytes(1_536_000))),
        "what was handed in takes 1.47 MiB, and this exercise allows 1 MiB; the largest file is"
        " data/weights.pt with 1.46 MiB. Leave out data and what can be made again.",
    ),
}


@pytest.mark.parametrize(("name", "data", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_told(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    submission, refused = read(NoCourse(tmp_path / "course"), EXERCISE, tmp_path / name, "Ada")
    assert refused == words
    assert submission.files == ()


NOTICED = {
    "B32-ignored": ({"venv/a.py": b"1", "__MACOSX/._small.py": b"x"}, "Ignored: __MACOSX, venv."),
    "B32-environment": ({"env/pyvenv.cfg": b"", "env/bin/activate": b"x"}, "Ignored: env."),
    "B41-empty-weights": ({"model.pt": b""}, "model.pt is empty."),
    "B42-lfs": (
        {"model.pt": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n"},
        "model.pt is a pointer, not the file itself: `git lfs pull`, then hand in again.",
    ),
    "B42-annex": (
        {"data/model.bin": b"/annex/objects/SHA256E-s1--4d.bin\n"},
        "data/model.bin is a pointer, not the file itself: `git annex get`, then hand in again.",
    ),
    "F15-shadow": (
        {"torch.py": b"1"},
        "torch is also the name of a library; `import torch` gets the library.",
    ),
}


@pytest.mark.parametrize("pack", ["folder", "zip"])
@pytest.mark.parametrize(("files", "words"), NOTICED.values(), ids=NOTICED)
def test_what_is_noticed_is_told(tmp_path, files, words, pack):
    path = tmp_path / "work"
    members = {"small.py": GOOD, **files}
    if pack == "zip":
        path = tmp_path / "work.zip"
        path.write_bytes(zipped(*members.items()))
    else:
        for name, data in members.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    submission, refused = read(NoCourse(tmp_path / "course"), EXERCISE, path, "")
    assert (refused, submission.notices) == ("", (words,))


PACKAGES = (
    "It is not installed, and there is no network. There are numpy, scipy, pandas, scikit-learn, matplotlib,"
    " pillow, torch, safetensors, fastapi, uvicorn, and the standard library."
)
RAISED = {
    "B07_compute_mean": (
        "def B07_compute_maen(x): return x",
        "small.py has no 'B07_compute_mean'. Did you mean 'B07_compute_maen'?",
    ),
    "B08_signature": (
        "def B08_signature(x, y): return x",
        "TypeError: B08_signature() missing 1 required positional argument: 'y'\n"
        "The exercise calls it with 1 argument.",
    ),
    "B08_keyword": (
        "def B08_keyword(): return 1",
        "TypeError: B08_keyword() takes 0 positional arguments but 1 was given\n"
        "The exercise calls it with 1 argument.",
    ),
    "B08_from_within": (
        "def B08_from_within(x):\n    return len(x)",
        "TypeError: object of type 'int' has no len()\n"
        "  small.py, line LINE, in B08_from_within\n    return len(x)",
    ),
    "B10_raises": (
        "def B10_raises(x):\n    raise KeyError('w')",
        "KeyError: 'w'\n  small.py, line LINE, in B10_raises\n    raise KeyError('w')",
    ),
    "B17_package": (
        "def B17_package(x):\n    import no_such_package",
        "ModuleNotFoundError: No module named 'no_such_package'\n"
        "  small.py, line LINE, in B17_package\n    import no_such_package\n" + PACKAGES,
    ),
    "B18_network": (
        "def B18_network(x):\n    raise __import__('urllib.error').error.URLError('no')",
        "URLError: <urlopen error no>\n  small.py, line LINE, in B18_network\n"
        "    raise __import__('urllib.error').error.URLError('no')\n"
        "There is no network in the sandbox. What an exercise needs is installed, comes as an argument, or is"
        " to be handed in.",
    ),
    "B19_input": (
        "def B19_input(x):\n    return input()",
        "EOFError: EOF when reading a line\n  small.py, line LINE, in B19_input\n    return input()\n"
        "The program asked for input; nobody is there to type it. Take input as arguments.",
    ),
    "B23_path": (
        "def B23_path(x):\n    return open('/home/me/x.csv')",
        "FileNotFoundError: [Errno 2] No such file or directory: '/home/me/x.csv'\n"
        "  small.py, line LINE, in B23_path\n    return open('/home/me/x.csv')\n"
        "Only the files that you hand in are there, and paths start from their folder.",
    ),
}


def test_what_a_call_raises_is_told(small_course, graded):
    source, lines = "", {}
    for name, (text, _) in RAISED.items():
        source += text + "\n\n"
        lines[name] = str(source.rstrip().count("\n") + 1)
    checks = [
        f'@check(points=1)\ndef test_{name}(submission):\n    """{name}"""\n    submission.{name}(1)'
        for name in RAISED
    ]
    result = graded(small_course("\n\n".join(checks)), source)
    said = {check.name: check.message for check in result.checks}
    assert said == {name: words.replace("LINE", lines[name]) for name, (_, words) in RAISED.items()}


IMPORTS = {
    "B06-syntax": (
        "def add(a:\n    return 1\n",
        "small.py could not be imported. SyntaxError: '(' was never closed (line 1)\n"
        "  small.py, line 1\n    def add(a:\n"
        "It is read by Python VERSION, without what later versions add.",
    ),
    "B04-tabs": (
        "def add(a, b):\n\tif a:\n        return 1\n",
        "small.py could not be imported. TabError: inconsistent use of tabs and spaces in indentation (line 3)\n"
        "  small.py, line 3\n            return 1",
    ),
    "B17-package": (
        "import no_such_package\n",
        "small.py could not be imported. ModuleNotFoundError: No module named 'no_such_package'\n"
        "  small.py, line 1\n    import no_such_package\n" + PACKAGES,
    ),
    "B21-trains": (
        "while True: pass\n",
        "small.py could not be imported. No answer within 1 s. Is there an endless loop? Does it train or wait"
        " when imported? Put that under `if __name__ == '__main__':`.",
    ),
}
ASKS = '''
    @check(points=1)
    def test_adds(submission):
        """add(a, b) adds"""
        assert submission.add(1, 2) == 3
'''


@pytest.mark.parametrize(("source", "words"), IMPORTS.values(), ids=IMPORTS)
def test_what_an_import_meets_is_told(small_course, tmp_path, source, words):
    spec = SPEC.replace("import_seconds = 3.0", "import_seconds = 1.0") if "while" in source else SPEC
    course = small_course(ASKS, spec=spec)
    exercise = load_exercise(course.exercise_folder("stage/small"))
    (tmp_path / "small.py").write_text(source)
    submission, _ = read(course, exercise, tmp_path / "small.py", "")
    (check,) = grade(course, exercise, submission, Options(sandbox="process")).checks
    said = [
        line for line in check.message.split("\n") if line.strip() != "^"
    ]  # where it points is Python's affair
    assert "\n".join(said) == words.replace("VERSION", ".".join(map(str, sys.version_info[:2])))
