"""Bring a data set from where its authors keep it, check it, and unpack it."""

from __future__ import annotations

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.output import tell

SUMMARY = "bring a data set to this machine"
USAGE = "NAME [--to DIR] [--url URL]"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("name", type=str, help="sst", metavar="NAME")
    parser.add_argument(
        "--to",
        type=str | None,
        help="the folder to make; by default one in your cache, where it is looked for",
        metavar="DIR",
    )
    parser.add_argument(
        "--url",
        type=str | None,
        help="another address of the same archive",
        metavar="URL",
    )
    parser.add_argument(
        "--no-verify",
        action="store_true",
        help="take the archive as it is, even if it is not the one known",
    )


def run(args: Namespace) -> None:
    """Run the command."""
    from treefold.data.archives import download

    folder = download(
        args.name,
        args.to,
        url=args.url,
        verify=not args.no_verify,
        progress=True,
    )
    print(folder)
    following = args.name if args.to is None else str(folder)
    tell(f"{args.name} is in {folder}. Next: treefold data {following}")
