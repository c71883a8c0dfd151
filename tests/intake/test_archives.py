"""Archives are read in memory, under caps, by what they inflate to and not by what they say."""

import io
import stat
import tarfile
import zipfile

import pytest

from harness.errors import SubmissionError
from harness.intake import read_submission
from harness.records import Exercise

EXERCISE = Exercise(id="a/b", title="", summary="", entry="small.py")
CODE = b"def add(a, b):\n    return a + b\n"


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def tarred(members, mode="w:gz"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, data in members:
            if isinstance(name, tarfile.TarInfo):
                info = name
            else:
                info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def odd(name, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


def zip_link():
    info = zipfile.ZipInfo("small.py")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped([(info, "/etc/passwd")])


GOOD = {
    "zip": zipped([("small.py", CODE)]),
    "stored": zipped([("small.py", CODE)], zipfile.ZIP_STORED),
    "tar-gz": tarred([("small.py", CODE)]),
    "tar": tarred([("small.py", CODE)], "w"),
    "one-folder-around": zipped([("work/", b""), ("work/small.py", CODE), ("work/data/x.txt", b"1")]),
    "rubbish-around": zipped(
        [("w/small.py", CODE), ("__MACOSX/w/._small.py", b"x"), ("w/.git/config", b"y")]
    ),
    "environment-with-links": tarred(
        [(odd("env/bin/python", tarfile.SYMTYPE), b""), ("env/pyvenv.cfg", b""), ("small.py", CODE)]
    ),
    "environment-amid-the-work": tarred(
        [
            ("w/small.py", CODE),
            ("w/pyvenv.cfg", b""),
            (odd("w/lib64", tarfile.SYMTYPE), b""),
            ("w/bin/activate", b""),
            ("w/lib/python3.11/site.py", b"1"),
        ]
    ),
    "ignored-links": tarred([(odd(".venv/bin/python", tarfile.SYMTYPE), b""), ("small.py", CODE)]),
    "many-packages": zipped(
        [("small.py", CODE), ("e/pyvenv.cfg", b"")]
        + [(f"e/lib/site-packages/{i}.py", b"1") for i in range(2500)]
    ),
    "dot-slash": tarred([("./small.py", CODE)]),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_good_archives_are_read(tmp_path, data):
    file = tmp_path / "anything.zip"
    file.write_bytes(data)
    submission = read_submission(file, EXERCISE)
    assert submission.entry == "small.py"
    assert next(f.data for f in submission.files if f.path == "small.py") == CODE


BAD = {
    "E06-symlink-in-tar": (tarred([(odd("small.py", tarfile.SYMTYPE), b"")]), "link or a device"),
    "E06-symlink-in-zip": (zip_link(), "link or a device"),
    "E06-symlink-beside-an-environment": (
        tarred([("env/pyvenv.cfg", b""), ("small.py", CODE), (odd("data", tarfile.SYMTYPE), b"")]),
        "'data' is a link or a device",
    ),
    "E07-hard-link": (tarred([(odd("small.py", tarfile.LNKTYPE), b"")]), "link or a device"),
    "E08-traversal": (zipped([("../small.py", CODE)]), "stay in its folder"),
    "E08-absolute": (tarred([("/etc/small.py", CODE)]), "stay in its folder"),
    "E08-backslash": (zipped([("a\\..\\small.py", CODE)]), "file name"),
    "E08-drive": (zipped([("C:/small.py", CODE)]), "treat specially"),
    "E09-device": (tarred([(odd("small.py", tarfile.CHRTYPE), b"")]), "link or a device"),
    "E09-fifo": (tarred([(odd("small.py", tarfile.FIFOTYPE), b"")]), "link or a device"),
    "R22-bomb-in-zip": (zipped([("small.py", bytes(1 << 26))]), "inflates to too much"),
    "R22-bomb-in-tar": (tarred([("small.py", bytes(1 << 26))]), "inflates to too much"),
    "R22-bomb-ignored-by-name": (
        zipped([("small.py", CODE), ("venv/x", bytes(1 << 26))]),
        "inflates to too much",
    ),
    "R23-many-files": (zipped([(f"f{i}.py", b"1") for i in range(2001)]), "more than 2000 files"),
    "R23-deep": (zipped([("a/" * 30 + "small.py", CODE)]), "deeper than"),
    "B30-case-twins": (zipped([("small.py", CODE), ("Small.py", CODE)]), "differ only in case"),
    "B31-reserved-name": (zipped([("CON.py", CODE)]), "not portable"),
    "B31-option-name": (zipped([("-rf", CODE)]), "starts with '-'"),
    "B33-lzma": (zipped([("small.py", CODE)], zipfile.ZIP_LZMA), "unusual compression"),
    "B33-truncated": (GOOD["zip"][:40], "cannot be unpacked"),
    "B33-truncated-tar": (GOOD["tar-gz"][:60], "cannot be unpacked"),
    "B34-two-candidates": (zipped([("a/small.py", CODE), ("b/small.py", CODE)]), "several small.py"),
    "no-entry": (zipped([("smal.py", CODE)]), "there is no small.py"),
    "duplicate-names": (None, "differ only in case"),
}


@pytest.mark.parametrize(("data", "words"), BAD.values(), ids=BAD)
def test_bad_archives_are_refused_in_words(tmp_path, data, words):
    if data is None:
        with pytest.warns(UserWarning, match="Duplicate"):
            data = zipped([("small.py", CODE), ("small.py", CODE)])
    file = tmp_path / "anything.zip"
    file.write_bytes(data)
    with pytest.raises(SubmissionError, match=words):
        read_submission(file, EXERCISE)
