"""Readers, on sources as the systems write them."""

import io
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SpecError
from harness.interchange import canvas
from harness.interchange.readers import guess, read_source
from harness.interchange.sheets import read_roster
from harness.interchange.unpacking import unpack

CODE = b"def add(a, b): return a + b\n"
EXERCISES = ("stage/small", "stage/other")


def zipped(folder: Path, files: dict[str, bytes], name: str = "export.zip") -> Path:
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return folder / name


def spread(folder: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def told(source):
    """Who handed in which files."""
    return {
        one.people[0].key: sorted(name for name, _ in one.files) or [one.path.name] for one in source.handed
    }


GRADESCOPE = """---
submission_101:
  :submitters:
  - :name: Ada Lovelace
    :sid: 's1'
    :email: ada@x.org
  - :name: Alan Turing
    :sid:
    :email: alan@x.org
  :created_at: 2026-03-01 10:00:00.000000000 Z
  :score: 3.0
  :status: processed
  :results:
    tests:
    - name: one
      number: '1'
      score: 1.0
  :history:
  - :id: 99
    :score: 1.0
submission_102:
  submitters:
  - name: Grace Hopper
    email: grace@x.org
  created_at: '2026-03-01T12:00:00+02:00'
  status: failed
submission_404:
  :submitters:
  - :name: Nobody There
"""


@pytest.fixture(params=["folder", "zip"])
def place(request, tmp_path):
    return spread if request.param == "folder" else zipped


def test_gradescope_export(place, tmp_path):
    base = "assignment_7_export/"
    files = {
        f"{base}submission_metadata.yml": GRADESCOPE.encode(),
        f"{base}submission_101/small.py": CODE,
        f"{base}submission_101/sub/helper.py": CODE,
        f"{base}submission_102/small.py": CODE,
        f"{base}stray.txt": b"",
    }
    with read_source(place(tmp_path, files), "auto", EXERCISES) as source:
        assert source.format == "gradescope"
        group, single = source.handed
        assert [(one.key, one.name, dict(one.ids)) for one in group.people] == [
            ("ada@x.org", "Ada Lovelace", {"sid": "s1"}),
            ("alan@x.org", "Alan Turing", {}),
        ]
        assert (group.handed_in, single.handed_in) == (
            "2026-03-01T10:00:00+00:00",
            "2026-03-01T10:00:00+00:00",
        )
        assert (group.path / "sub" / "helper.py").read_bytes() == CODE
        assert {one.name for one in source.ignored} == {"submission_404", "stray.txt"}


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system ['true']", "- a list", "a: [", "\x00"])
def test_metadata_that_is_something_else_is_refused_and_never_built(tmp_path, text):
    spread(tmp_path, {"submission_metadata.yml": text.encode()})
    with pytest.raises(SpecError), read_source(tmp_path, "gradescope", EXERCISES):
        pass


CANVAS = {
    "doejane_1234_5678_small.py": ("doejane", "1234", False, "small.py"),
    "doejane_LATE_1234_5678_small-2.py": ("doejane", "1234", True, "small-2.py"),
    "vonneumann_11_22_my_work_v2.ipynb": ("vonneumann", "11", False, "my_work_v2.ipynb"),
    "müller_3_4_a.py": ("müller", "3", False, "a.py"),
    "with_under_score_LATE_5_6_x.zip": ("with_under_score", "5", True, "x.zip"),
    "anon_ab12C_77_small.py": (None, "anon_ab12C", False, "small.py"),
    "LATE_anon_ab12C_77_small.py": (None, "anon_ab12C", True, "small.py"),
    "doejane_1234_text.html": ("doejane", "1234", False, None),
}


@pytest.mark.parametrize(("name", "want"), CANVAS.items(), ids=CANVAS)
def test_names_of_canvas(name, want):
    found = canvas.FILE.match(name)
    assert (found["user"], found["uid"], bool(found["late"]), found["name"]) == want


def test_canvas_submissions(place, tmp_path):
    files = {
        "doejane_1234_100_small-1.py": b"new",
        "doejane_1234_99_small.py": b"old",
        "doejane_1234_101_helper.py": CODE,
        "turing_LATE_7_102_small.py": CODE,
        "turing_7_text.html": b"<p>hi</p>",
    }
    with read_source(place(tmp_path, files), "auto", EXERCISES) as source:
        assert source.format == "canvas"
        assert told(source) == {"doejane": ["helper.py", "small.py"], "turing": ["small.py"]}
        assert dict(source.handed[0].files)["small.py"].read_bytes() == b"new"
        assert [one.late for one in source.handed] == [False, True]
        assert [one.name for one in source.ignored] == ["turing_7_text.html"]


def test_moodle_submissions_with_folders_and_without(place, tmp_path):
    files = {
        "Ada Lovelace_55_assignsubmission_file_/small.py": CODE,
        "Ada Lovelace_55_assignsubmission_onlinetext_/onlinetext.html": b"",
        "Zoë O'Neil-Smith_56_assignsubmission_file_small.py": CODE,
    }
    with read_source(place(tmp_path, files), "auto", EXERCISES) as source:
        assert source.format == "moodle"
        assert {one.people[0].name: dict(one.people[0].ids) for one in source.handed} == {
            "Ada Lovelace": {"moodle": "55"},
            "Zoë O'Neil-Smith": {"moodle": "56"},
        }
        assert len(source.ignored) == 1


def test_nbgrader_tree(place, tmp_path):
    files = {
        "submitted/ada/small/small.ipynb": b"{}",
        "submitted/ada/small/timestamp.txt": b"2026-03-01 18:00:00.5 Europe/Berlin",
        "submitted/bob/small/small.ipynb": b"{}",
        "submitted/bob/small/timestamp.txt": b"nonsense",
        "release/ps1/small.ipynb": b"{}",
        "nbgrader_config.py": b"raise SystemExit",
    }
    with read_source(place(tmp_path, files), "auto", EXERCISES) as source:
        assert [(one.people[0].key, one.exercise, one.handed_in) for one in source.handed] == [
            ("ada", "stage/small", "2026-03-01T17:00:00+00:00"),
            ("bob", "stage/small", ""),
        ]
        assert source.handed[0].files[0][0] == "small.ipynb"


def test_classroom_clones(tmp_path):
    for user in ("ada-l", "alan", "grace"):
        folder = tmp_path / f"ps-1-{user}"
        spread(folder, {"small.py": CODE})
        subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    (tmp_path / "grades.csv").write_text("x")
    with read_source(tmp_path, "classroom", EXERCISES) as source:
        assert told(source) == {"ada-l": ["ps-1-ada-l"], "alan": ["ps-1-alan"], "grace": ["ps-1-grace"]}
        assert [one.name for one in source.ignored] == ["grades.csv"]


def test_manifest(tmp_path):
    spread(tmp_path, {"a/small.py": CODE, "b.py": CODE})
    text = "\ufeffLearner;Path;Exercise;Handed_in\nada;a;small;2026-03-01T18:00+01:00\nbob;b.py;;\neve;gone.py;;\n"
    (tmp_path / "who.csv").write_text(text)
    with read_source(tmp_path / "who.csv", "auto", EXERCISES) as source:
        assert [(one.people[0].key, one.exercise, one.handed_in) for one in source.handed] == [
            ("ada", "small", "2026-03-01T17:00:00+00:00"),
            ("bob", "", ""),
        ]
        assert "line 4" in source.ignored[0].reason


@pytest.mark.parametrize(
    "text", ["learner,path\n,a.py\n", "learner,path,time\nada,.,soon\n", "who,what\na,b\n", ""]
)
def test_a_manifest_that_cannot_be_read_is_said(tmp_path, text):
    (tmp_path / "who.csv").write_text(text)
    with pytest.raises(SpecError), read_source(tmp_path / "who.csv", "auto", EXERCISES):
        pass


def test_folders_as_they_lie(tmp_path):
    spread(
        tmp_path,
        {"ada.py": CODE, "bob/small.py": CODE, "eve.tar.gz": b"x", "readme.txt": b"", ".hidden/x.py": CODE},
    )
    (tmp_path / "link").symlink_to("/etc")
    with read_source(tmp_path, "auto", EXERCISES) as source:
        assert told(source) == {"ada": ["ada.py"], "bob": ["bob"], "eve": ["eve.tar.gz"]}
        assert {one.name for one in source.ignored} == {"readme.txt", ".hidden", "link"}


def test_a_tree_is_recognised_by_its_exercises(tmp_path):
    spread(tmp_path, {"ada/small/small.py": CODE, "bob/other/o.py": CODE})
    with read_source(tmp_path, "auto", EXERCISES) as source:
        assert source.format == "tree"
    spread(tmp_path, {"eve/small.py": CODE})
    with read_source(tmp_path, "auto", EXERCISES) as source:
        assert source.format == "folders", "a nested folder of one learner must not hide the others' work"


def test_namesakes_are_told_apart(tmp_path):
    files = {f"Jane Doe_{number}_assignsubmission_file_/small.py": CODE for number in (1, 2)}
    with read_source(spread(tmp_path, files), "auto", EXERCISES) as source:
        assert [one.people[0].key for one in source.handed] == ["Jane Doe 1", "Jane Doe 2"]


def test_a_tree_of_learners_by_exercises(tmp_path):
    files = (
        "ada/small/small.py",
        "ada/stage/other/o.py",
        "bob/small.zip",
        "bob/unknown/x.py",
        "expected.csv",
    )
    spread(tmp_path, dict.fromkeys(files, CODE))
    with read_source(tmp_path, "tree", EXERCISES) as source:
        assert [(one.people[0].key, one.exercise) for one in source.handed] == [
            ("ada", "stage/small"),
            ("ada", "stage/other"),
            ("bob", "stage/small"),
        ]
        assert {one.name for one in source.ignored} == {"bob/unknown", "expected.csv"}


HOSTILE = ["../out.py", "/etc/passwd", "a/../../out.py", "C:\\x.py", "con.py", "a\u202e.py", "x" * 250]


@pytest.mark.parametrize("name", HOSTILE)
def test_attack_names_in_a_class_archive_are_left_out_and_told(tmp_path, name):
    archive = zipped(tmp_path, {name: CODE, "ada_1_assignsubmission_file_/small.py": CODE})
    target = tmp_path / "inside" / "target"
    target.mkdir(parents=True)
    left_out = unpack(archive, target)
    assert [file.name for file in tmp_path.rglob("*.py")] == ["small.py"]
    assert len(left_out) == 1


def test_attack_links_and_bombs_in_a_class_archive(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    (tmp_path / "links.zip").write_bytes(packed.getvalue())
    (tmp_path / "t").mkdir()
    assert [one.reason for one in unpack(tmp_path / "links.zip", tmp_path / "t")] == ["a link or a device"]
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for index in range(3):
            archive.writestr(f"{index}.py", bytes(40 << 20))
    with pytest.raises(SpecError, match="inflates"):
        unpack(tmp_path / "bomb.zip", tmp_path / "t")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no zip", b"PK\x05\x06"])
def test_a_broken_archive_is_said(tmp_path, data):
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(SpecError), read_source(tmp_path / "x.zip", "auto", EXERCISES):
        pass


@given(st.text(max_size=60))
def test_any_name_is_canvas_or_is_not(name):
    canvas.FILE.match(name)
    assert guess is not None


ROSTERS = {
    "plain": "learner,name,email\nada,Ada Lovelace,ada@x.org\n",
    "semicolons-and-mark": "\ufeffUsername;First name;Last name;Email\nada;Ada;Lovelace;ada@x.org\n",
    "tabs": "Login\tFull Name\tE-mail\tCanvas\nada\tAda Lovelace\tada@x.org\t17\n",
}


@pytest.mark.parametrize("text", ROSTERS.values(), ids=ROSTERS)
def test_rosters(text):
    (ada,) = read_roster(text.encode())
    assert (ada.key, ada.name, ada.email) == ("ada", "Ada Lovelace", "ada@x.org")


@pytest.mark.parametrize("text", ["", "name\nAda\n", "learner\n"])
def test_a_roster_without_learners_is_refused(text):
    with pytest.raises(SpecError):
        read_roster(text.encode())
