"""An image goes from engine to engine by a file, and nothing else does."""

import io
import tarfile

import pytest

from harness.errors import ImageMissing, SandboxError, SpecError
from harness.sandbox import carrying
from harness.sandbox.images import DIGEST_LABEL

pytestmark = pytest.mark.docker
TAG = "roadmark/carried:0123456789ab"
DIGEST = "0123456789ab" * 5


def made(engine, tag, digest):
    """Have the engine hold an image of one small file, and return its id."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("hello")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"hello"))
    repository, _, version = tag.partition(":")
    engine.api.import_image_from_data(
        buffer.getvalue(), repository, version, changes=[f"LABEL {DIGEST_LABEL}={digest}"]
    )
    return engine.images.get(tag).id


@pytest.fixture
def forgotten(engine):
    """Remove what the test made."""
    yield
    for tag in (TAG, "roadmark/other:1"):
        for image in engine.images.list(tag):
            engine.images.remove(image.id, force=True)


@pytest.fixture
def file(engine, forgotten, tmp_path):
    """An image that was exported, and is gone from the engine."""
    made(engine, TAG, DIGEST)
    size = carrying.export(engine, TAG, DIGEST, tmp_path / "image.tar")
    assert size == (tmp_path / "image.tar").stat().st_size
    assert [one.name for one in tmp_path.iterdir()] == ["image.tar"]
    return tmp_path / "image.tar"


def test_an_image_arrives_with_its_id(engine, file):
    before = engine.images.get(TAG).id
    engine.images.remove(TAG)
    assert carrying.take(engine, TAG, DIGEST, file) == before
    assert carrying.take(engine, TAG, DIGEST, file) == before, "it may be there already"


def test_another_image_is_not_given_to_the_engine(engine, file):
    engine.images.remove(TAG)
    with pytest.raises(SpecError, match=f"holds {TAG}, and roadmark/cpu:1 is needed"):
        carrying.take(engine, "roadmark/cpu:1", DIGEST, file)
    assert engine.images.list(TAG) == []


def test_an_image_that_is_not_what_its_name_says_is_taken_out_again(engine, file):
    engine.images.remove(TAG)
    with pytest.raises(SandboxError, match="made from something else"):
        carrying.take(engine, TAG, "f" * 60, file)
    assert engine.images.list(TAG) == []


@pytest.mark.parametrize("content", [b"", b"not a tar", b"\0" * 10240], ids=["empty", "text", "zeros"])
def test_a_file_without_an_image_is_said(engine, content, tmp_path):
    (tmp_path / "image.tar").write_bytes(content)
    with pytest.raises(SpecError, match="holds no image"):
        carrying.take(engine, TAG, DIGEST, tmp_path / "image.tar")


def test_what_is_not_there_is_not_exported(engine, tmp_path):
    with pytest.raises(ImageMissing, match="the engine has no"):
        carrying.export(engine, TAG, DIGEST, tmp_path / "image.tar")
    assert list(tmp_path.iterdir()) == []
