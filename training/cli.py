"""`anpr-train`: everything that makes the models, from labelled pictures to measured ONNX files.

One command group per part of the pipeline; each group lives beside the code it calls.
Exit codes: 0 done, 1 refused (broken data, failed export), 2 wrong usage.
"""

from __future__ import annotations

import sys

import typer

from training.datasets.commands import app as dataset
from training.detector.commands import app as detector
from training.detector.commands import export_command as export_detector
from training.evaluate.commands import app as evaluate
from training.recogniser.__main__ import main as recogniser_main
from training.synth.fetch_fonts import main as fetch_fonts
from training.synth.sheet import write_sheet

app = typer.Typer(
    help="Train, export and judge the plate detector and the plate reader.", no_args_is_help=True, add_completion=False
)
export = typer.Typer(help="Write ONNX files and their manifest entries.", no_args_is_help=True)
synth = typer.Typer(help="Render plates.", no_args_is_help=True)
app.add_typer(dataset, name="dataset")
app.add_typer(detector, name="detector")
app.add_typer(export, name="export")
app.add_typer(evaluate, name="evaluate")
app.add_typer(synth, name="synth")
export.command("detector")(export_detector)
synth.command("sheet")(write_sheet)

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command("recogniser", context_settings=PASSED_ON)
def recogniser(context: typer.Context) -> None:
    """Render plates for, train, export or score the plate reader: render | train | export | score."""
    sys.exit(recogniser_main(context.args))


@export.command("recogniser", context_settings=PASSED_ON)
def export_recogniser(context: typer.Context) -> None:
    """Write plate-reader.onnx and its manifest entry."""
    sys.exit(recogniser_main(["export", *context.args]))


@synth.command("fonts")
def fonts() -> None:
    """Fetch the open fonts that plates are drawn with, through npm and apt."""
    sys.exit(fetch_fonts())


def main() -> None:
    """Run the command line; the entry point of the package."""
    app()


if __name__ == "__main__":
    main()
