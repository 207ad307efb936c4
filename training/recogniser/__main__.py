"""Train and export the plate reader: `python -m training.recogniser render|train|export|int8|score`.

A thin command line; `anpr-train recogniser` calls the same functions.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from training.recogniser.commands import add_int8, export, render, show_score, train

CACHE = Path(".cache/reader")


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    root = argparse.ArgumentParser(prog="python -m training.recogniser", description=__doc__)
    commands = root.add_subparsers(dest="command", required=True)
    rendering = commands.add_parser("render", help="render the cache of plates")
    rendering.add_argument("--plates", type=int, default=60_000, help="how many (default %(default)s)")
    rendering.add_argument("--processes", type=int, default=2, help="how many at once (default %(default)s)")
    training = commands.add_parser("train", help="train, or go on training")
    training.add_argument("--minutes", type=float, default=120, help="of wall clock (default %(default)s)")
    training.add_argument("--resume", type=Path, help="a checkpoint, or a published .onnx, to go on from")
    training.add_argument(
        "--restart-clock", action="store_true", help="with --resume: its averaged weights, a new budget"
    )
    training.add_argument("--rate", type=float, default=2e-3, help="learning rate (default %(default)s)")
    training.add_argument("--decay-share", type=float, default=0.4, help="of the budget (default %(default)s)")
    training.add_argument("--photographs", type=float, default=0.4, help="share of real crops (default %(default)s)")
    training.add_argument("--emphasise", action="store_true", help="with --resume: show misread photographs more often")
    training.add_argument("--batch", type=int, default=128, help="samples per step (default %(default)s)")
    training.add_argument("--threads", type=int, default=1, help="CPU threads (default %(default)s)")
    exporting = commands.add_parser("export", help="calibrate, write the ONNX file and its manifest entry")
    exporting.add_argument("--version", default="1.0.0", help="of the weights (default %(default)s)")
    exporting.add_argument("--models", type=Path, default=Path("models"), help="folder (default %(default)s)")
    exporting.add_argument("--trained-by", default="", help="the training command, for the manifest")
    exporting.add_argument("--mix-with", type=Path, help="the published reader that the training went on from")
    exporting.add_argument("--share", type=float, default=0.5, help="of the new weights in the mix (default 0.5)")
    quantising = commands.add_parser("int8", help="add the INT8 variant to the models, if it is worth having")
    quantising.add_argument("--models", type=Path, default=Path("models"), help="folder (default %(default)s)")
    scoring = commands.add_parser("score", help="exact match of an ONNX file on the labelled crops")
    scoring.add_argument("--model", type=Path, default=Path("models/plate-reader.onnx"))
    scoring.add_argument("--split", choices=("slice", "val"), default="val")
    scoring.add_argument("--errors", action="store_true", help="list every misread crop")
    for command in (rendering, training):
        command.add_argument("--plates-folder", type=Path, default=CACHE / "plates", help="default %(default)s")
        command.add_argument("--smoke", action="store_true", help="a minute's run that shows that all parts work")
    for command in (rendering, training, exporting):
        command.add_argument("--seed", type=int, default=1, help="default %(default)s")
    for command in (training, exporting):
        command.add_argument("--checkpoint", type=Path, default=CACHE / "reader.pt", help="default %(default)s")
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it went well."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(given)
    if options.command == "render":
        render(options.plates_folder, options.plates, options.seed, options.processes, options.smoke)
    elif options.command == "train":
        train(options)
    elif options.command == "export":
        trained_by = options.trained_by or shlex.join(["python", "-m", "training.recogniser", "train"])
        export(
            options.checkpoint, options.models, options.version, trained_by, options.seed,
            older=options.mix_with, share=options.share,
        )  # fmt: skip
    elif options.command == "int8":
        add_int8(options.models)
    else:
        show_score(options.model, options.split, options.errors)
    return 0


if __name__ == "__main__":
    sys.exit(main())
