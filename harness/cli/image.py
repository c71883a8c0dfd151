"""`roadmark image`: the sandbox image."""

from __future__ import annotations

from pathlib import Path

import click

PROFILE = click.option("--profile", default="cpu", show_default=True, help="Which image: see exercise.toml.")


@click.group()
def image() -> None:
    """Build the sandbox image, or say whether it is current.

    An image is named by a digest of all that goes into it, so nothing is built twice.
    """


@image.command()
@PROFILE
@click.option("--quiet-if-current", is_flag=True, help="Print nothing where there is nothing to do.")
def build(profile: str, *, quiet_if_current: bool) -> None:
    """Build the image of a profile, unless the current one is there.

    Packages are fetched with this machine's pip, its configuration and its local wheels,
    and are installed in the image without a network.
    """
    from harness.sandbox import images
    from harness.sandbox.engine import connect

    client = connect()
    if images.find_image(client, profile):
        if not quiet_if_current:
            click.echo(f"{images.image_tag(profile)} is current.")
        return
    images.build(client, profile, lambda line: click.echo(line, err=True))


@image.command()
@PROFILE
def status(profile: str) -> None:
    """Say whether the image is current, stale or missing."""
    from harness.sandbox import images
    from harness.sandbox.engine import connect

    click.echo(f"{images.image_tag(profile)}: {images.status(connect(), profile)}")


@image.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@PROFILE
def export(file: Path, profile: str) -> None:
    """Write the current image to FILE, for machines that cannot build it: see `import`."""
    from harness.sandbox import carrying, images
    from harness.sandbox.engine import connect

    size = carrying.export(connect(), images.image_tag(profile), images.image_digest(profile), file)
    click.echo(f"{images.image_tag(profile)} in {file}, {size / 1e9:.2f} GB")


@image.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@PROFILE
def import_(file: Path, profile: str) -> None:
    """Take the image from FILE, if it is the one that this version of Roadmark needs."""
    from harness.sandbox import carrying, images
    from harness.sandbox.engine import connect

    found = carrying.take(connect(), images.image_tag(profile), images.image_digest(profile), file)
    click.echo(f"{images.image_tag(profile)} is current, with the id {found}.")
