"""Which image is current, what is in it, and that only what changed is built again."""

import shutil
import tarfile

import pytest
from platformdirs import user_cache_path

from harness.errors import ImageMissing, NoEngine, SandboxError, SpecError
from harness.sandbox import image_layers, images
from harness.sandbox.engine import connect

TINY = "test-tiny"


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A profile that installs one small package, and a worker of one file that a test may change."""
    packages = tmp_path / "packages.txt"
    packages.write_text("packaging==26.3\n")
    profile = images.Profile(packages=str(packages), imports=("packaging.version",))
    monkeypatch.setattr(images, "PROFILES", images.PROFILES | {TINY: profile})
    worker = {"harness/wire.py": b"print('first')\n"}
    monkeypatch.setattr(images, "worker_files", lambda: worker)
    return worker, packages


@pytest.fixture
def tiny_images(engine, tiny):
    """The same, and its images and wheels are gone afterwards."""
    yield tiny
    for wheels in (user_cache_path("roadmark") / "wheels").glob(f"{TINY}*"):
        shutil.rmtree(wheels)
    for repository in (f"roadmark/{TINY}", f"roadmark/{TINY}-packages"):
        for image in engine.images.list(repository):
            for tag in image.tags:
                engine.images.remove(tag)


def run(engine, image, *command):
    return engine.containers.run(image, list(command), network_mode="none", remove=True).decode()


def test_digest_is_that_of_every_input(tiny):
    worker, packages = tiny
    seen = {images.image_digest(TINY)}
    installed = images.packages_digest(TINY)
    worker["harness/wire.py"] += b"# changed\n"
    seen.add(images.image_digest(TINY))
    worker["harness/inside/new.py"] = b""
    seen.add(images.image_digest(TINY))
    assert images.packages_digest(TINY) == installed, "a change to the worker would install everything again"
    packages.write_text("packaging==26.2\n")
    seen.add(images.image_digest(TINY))
    assert len(seen) == 4
    assert images.packages_digest(TINY) != installed


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("ab", "c"), ("a", "bc"), id="moved-boundary"),
        pytest.param(("a",), ("a", ""), id="empty-part"),
    ],
)
def test_different_parts_have_different_digests(one, other):
    assert images._digest(*one) != images._digest(*other)


def test_only_the_worker_enters_an_image():
    files = images.worker_files()
    assert {"harness/__init__.py", "harness/wire.py", "harness/inside/run.py"} <= files.keys()
    assert all(
        name.startswith("harness/inside/")
        for name in files.keys() - {"harness/__init__.py", "harness/wire.py"}
    )
    assert f"{images.FOLDER}/harness/inside/run.py" == images.ENTRY[-1]


@pytest.mark.parametrize("profile", images.PROFILES)
def test_every_package_has_one_exact_version(profile):
    lines = (images.HERE / images.PROFILES[profile].packages).read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pin) == 2 for pin in pins)
    assert len({name.lower().replace("_", "-") for name, _ in pins}) == len(pins)


def test_unknown_profile_gets_a_near_name():
    with pytest.raises(SpecError) as caught:
        images.image_digest("cpuu")
    assert "'cpu'" in caught.value.hint


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("unix:///nowhere/docker.sock", id="no-socket"),
        pytest.param("tcp://127.0.0.1:1", id="nobody-listens"),
        pytest.param("nonsense://", id="no-address"),
    ],
)
def test_no_engine_says_what_to_do(address, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(NoEngine, match=address) as caught:
        connect()
    assert "make setup" in caught.value.hint


def test_a_package_that_is_not_there_names_itself_and_leaves_no_folder(tmp_path, monkeypatch):
    class Client:
        def version(self):
            return {"Arch": "amd64"}

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for _ in range(2):
        with pytest.raises(SandboxError, match="no-such-wheel") as caught:
            image_layers.fetch_wheels(Client(), ["--no-index", "no-such-wheel==1"], "cpu-abc")
        assert "pip config" in caught.value.hint
    assert not (tmp_path / "roadmark" / "wheels" / "cpu-abc").exists()


def test_without_a_registry_and_without_root_it_says_how_to_have_a_base(monkeypatch):
    monkeypatch.setattr(image_layers, "_obtain", lambda *_: False)
    monkeypatch.setattr(image_layers.os, "geteuid", lambda: 1000)
    steps = []
    with pytest.raises(SandboxError, match="root and debootstrap") as caught:
        image_layers.make_base(None, images.BASE, images.RELEASE, "roadmark/base:x", steps.append)
    assert caught.value.hint.startswith(f"docker pull {images.BASE}")
    assert steps == ["base: no registry answers; making it of Debian bookworm packages"]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_wheels_are_asked_for_by_the_newest_platform_first_and_no_newer_than_the_base(machine):
    tags = image_layers._platforms(machine)
    assert tags[0] == f"manylinux_2_36_{machine}"
    assert {f"manylinux_2_28_{machine}", f"manylinux2014_{machine}", f"linux_{machine}"} <= set(tags)
    assert all(tag.endswith(machine) for tag in tags)


@pytest.mark.docker
def test_only_what_changed_is_built_again(engine, tiny_images):
    worker, _ = tiny_images
    assert images.status(engine, TINY) == "missing"
    steps = []
    first = images.build(engine, TINY, steps.append)
    assert images.find_image(engine, TINY) == first
    assert run(engine, first, "python3", "-I", "/opt/roadmark/harness/wire.py") == "first\n"

    worker["harness/wire.py"] = b"print('second')\n"
    assert images.status(engine, TINY) == "stale"
    with pytest.raises(ImageMissing, match="stale") as caught:
        images.require_image(engine, TINY)
    assert caught.value.hint == f"roadmark image build --profile {TINY}"

    again = []
    second = images.build(engine, TINY, again.append)
    assert again == ["worker: copying it", again[-1]], "packages were installed again"
    assert run(engine, second, "python3", "-I", "/opt/roadmark/harness/wire.py") == "second\n"
    assert len(engine.images.list(f"roadmark/{TINY}")) == 1, "the replaced image was left behind"
    assert images.build(engine, TINY, steps.append) == second
    assert engine.containers.list(all=True, filters={"name": image_layers.BUILDER}) == []


@pytest.mark.docker
def test_a_failing_step_says_what_it_printed_and_leaves_nothing(engine, tiny_images, monkeypatch):
    monkeypatch.setattr(images, "FINISH", "echo out of luck >&2; exit 7")
    with pytest.raises(SandboxError, match="out of luck"):
        images.build(engine, TINY, lambda _: None)
    assert images.status(engine, TINY) == "missing"
    assert engine.containers.list(all=True, filters={"name": image_layers.BUILDER}) == []


@pytest.mark.docker
def test_an_image_with_the_name_and_another_digest_is_not_current(engine, tiny_images):
    container = engine.containers.create(images.build(engine, TINY, lambda _: None), "true")
    container.commit(*images.image_tag(TINY).split(":"), changes=[f"LABEL {images.DIGEST_LABEL}=forged"])
    container.remove()
    assert images.find_image(engine, TINY) is None


@pytest.mark.docker
def test_what_the_image_is_configured_to_do(engine, image):
    found = engine.images.get(image)
    assert found.labels == {images.DIGEST_LABEL: images.image_digest("cpu"), images.PROFILE_LABEL: "cpu"}
    settings = found.attrs["Config"]
    assert settings["User"] == images.USER
    assert tuple(settings["Cmd"]) == images.ENTRY
    assert settings["Env"] == [f"PATH={images.PATH}"], "byte code would not be used, or a secret stays"
    assert not settings.get("Volumes")
    assert found.attrs["Size"] < 2.2e9


@pytest.mark.docker
def test_nothing_in_the_image_gives_rights_and_the_worker_is_all_that_is_ours(engine, image):
    script = """
find / -xdev -perm /6000 -type f
find / -xdev \\( -name '*.whl' -o -name .git -o -name 'sources.list' \\) ! -path '/usr/*'
find / -xdev -type f -perm -o+w ! -path '/proc/*' ! -path '/dev/*'
find /opt/roadmark -type f ! -name '*.pyc' | sort
"""
    wanted = sorted(f"{images.FOLDER}/{name}" for name in images.worker_files())
    assert run(engine, image, "sh", "-c", script).splitlines() == wanted


@pytest.mark.docker
def test_what_learners_import_is_there_and_compiled(engine, image):
    modules = (*images.PROFILES["cpu"].imports, "sympy", "networkx", "harness.wire")
    code = f"""
import sys; sys.path.insert(0, {images.FOLDER!r})
import {", ".join(modules)}
import os
print(sorted(m for m in {modules!r} if not os.path.exists(sys.modules[m].__cached__)))
print(torch.__version__, len(pydoc_data.topics.topics) > 50)
"""
    compiled, versions = run(engine, image, "python3", "-I", "-B", "-c", code).splitlines()[-2:]
    assert compiled == "[]"
    assert versions == f"{_pin('torch')}+cpu True" or versions == f"{_pin('torch')} True"


def test_the_small_image_has_nothing_that_the_other_has_not():
    base, cpu = (set(images.requirements(profile).splitlines()) for profile in ("base", "cpu"))
    assert {line for line in base if line and not line.startswith("#")} < cpu
    assert "torch" in images.requirements("cpu")
    assert "torch" not in images.requirements("base")


@pytest.mark.slow
@pytest.mark.docker
def test_the_small_image_is_small(engine):
    size = engine.images.get(images.build(engine, "base", lambda _: None)).attrs["Size"]
    assert size < 450e6


def _pin(name):
    lines = (images.HERE / images.PROFILES["cpu"].packages).read_text().splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith(f"{name}=="))


def test_archive_members_are_readable_by_all_and_writable_by_none():
    with tarfile.open(fileobj=image_layers._archive({"/opt/a.py": b"x = 1\n"})) as archive:
        member = archive.getmember("opt/a.py")
        assert (member.mode, member.uid, archive.extractfile(member).read()) == (0o444, 0, b"x = 1\n")


@pytest.mark.docker
def test_the_container_of_a_killed_build_is_removed(engine, image, monkeypatch):
    monkeypatch.setattr(image_layers, "BUILDER", "roadmark-build-of-a-test")
    assert image_layers.reap_builder(engine) == 0
    engine.api.create_container(image, ["true"], name=image_layers.BUILDER)
    assert image_layers.reap_builder(engine) == 1
    assert engine.containers.list(all=True, filters={"name": image_layers.BUILDER}) == []
