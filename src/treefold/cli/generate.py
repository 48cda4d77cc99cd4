"""Write text with a trained language model.

The text that is printed begins with the prompt; the same seed writes the same text.
"""

from __future__ import annotations

import sys

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.flags import add_device
from treefold.cli.output import tell
from treefold.training.errors import RunError

SUMMARY = "write text with a trained language model"
USAGE = "RUN [--prompt TEXT] [--length N] [--temperature X] [--top-p P] [--seed N]"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("run", type=str, help="a run folder", metavar="RUN")
    parser.add_argument(
        "--prompt", type=str, default="", help="text to begin with", metavar="TEXT"
    )
    parser.add_argument(
        "--length",
        type=int,
        default=500,
        help="words, characters or bytes to write",
        metavar="N",
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=0.8,
        help="below 1 likely symbols become likelier; 0 takes the likeliest",
        metavar="X",
    )
    parser.add_argument(
        "--top-p",
        type=float | None,
        help="draw from the likeliest symbols of this probability together",
        metavar="P",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws", metavar="N")
    add_device(parser)


def run(args: Namespace) -> None:
    """Run the command."""
    from treefold.models.language_model import LanguageModel
    from treefold.tasks import load
    from treefold.tasks.language import LanguageTask

    if args.length < 1:
        raise RunError(f"length must be at least 1, got {args.length}.")
    trained = load(args.run, device=args.device)
    task, model = getattr(trained, "task", None), trained.model
    if not (isinstance(task, LanguageTask) and isinstance(model, LanguageModel)):
        raise RunError(
            f"{args.run} is no language model; train one with: "
            "treefold train FILE --task language"
        )
    text = task.write(
        model,
        args.prompt,
        length=args.length,
        temperature=args.temperature,
        top_p=args.top_p,
        seed=args.seed,
    )
    sys.stdout.write(f"{args.prompt}{text}\n")
    tell(f"Wrote {args.length:,} {task.config.unit}s. Another: --seed {args.seed + 1}")
