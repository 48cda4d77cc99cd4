"""See what trained models make of negation and adverbs: "not good", "not bad".

Takes runs on sst or sst-binary, with all their seeds, and asks them what Socher et al.
asked of the RNTN: whether a negated positive phrase becomes negative, a negated
negative one less negative, whether both sides of "but" are understood, and what an
adverb does to an adjective. Prints tables and writes a page with pictures.
"""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.output import tell

SUMMARY = 'see what models make of "not good" and "not bad"'
USAGE = "RUN [RUN ...] [--out FILE.html]"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "runs",
        type=str,
        nargs="+",
        help="run folders, trained on sst or sst-binary",
        metavar="RUN",
    )
    parser.add_argument(
        "--out",
        type=str,
        default="negation.html",
        help="the page to write",
        metavar="FILE",
    )
    parser.add_argument(
        "--adverbs",
        type=str,
        default=",very,not,not very,hardly,unbelievably",
        help="what to put before the adjectives, between commas",
        metavar="WORDS",
    )
    parser.add_argument(
        "--adjectives",
        type=str,
        default="good,bad,funny,boring,awesome,sad",
        help="what to put it before",
        metavar="WORDS",
    )


def run(args: Namespace) -> None:
    """Run the command."""
    adverbs, adjectives = _words(args.adverbs), _words(args.adjectives)
    if not all(adjectives):
        raise ValueError(
            f"--adjectives must be words between commas, got {args.adjectives!r}"
        )
    out = Path(args.out)
    if out.is_dir():
        raise ValueError(f"{out} is a folder. Give a file with --out.")

    from treefold.report.negation import (
        accuracy_table,
        phrase_table,
        write_negation_page,
    )
    from treefold.report.table import text_table
    from treefold.training.negation import study
    from treefold.training.run import versions

    found = study(args.runs, adverbs=adverbs, adjectives=adjectives, say=tell)
    for header, lines in (accuracy_table(found), phrase_table(found)):
        print(f"{text_table(lines, header)}\n")
    print(write_negation_page(out, found, command=args.typed, versions=versions()))
    tell(f"Wrote {out}: open it in a browser. Next: treefold show {args.runs[0]}")


def _words(text: str) -> list[str]:
    """Return the words between commas, in order, each once."""
    return list(dict.fromkeys(" ".join(part.split()) for part in text.split(",")))
