"""`anpr-train`: everything that makes the models, from labelled pictures to measured ONNX files.

One command group per part of the pipeline; each group lives beside the code it calls.
Exit codes: 0 done, 1 refused (broken data, failed export), 2 wrong usage.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from training.datasets.commands import app as dataset
from training.detector.commands import app as detector
from training.detector.commands import export_command as export_detector
from training.evaluate.commands import app as evaluate
from training.recogniser.commands import app as recogniser
from training.recogniser.commands import export_command as export_recogniser
from training.synth.fetch_fonts import main as fetch_fonts
from training.synth.fonts import font_folder, glyph, text_fonts
from training.synth.sheet import write_sheet

app = typer.Typer(
    help="Train, export and judge the plate detector and the plate reader.", no_args_is_help=True, add_completion=False
)
export = typer.Typer(help="Write ONNX files and their manifest entries.", no_args_is_help=True)
synth = typer.Typer(help="Render plates.", no_args_is_help=True)
app.add_typer(dataset, name="dataset")
app.add_typer(detector, name="detector")
app.add_typer(recogniser, name="recogniser")
app.add_typer(export, name="export")
app.add_typer(evaluate, name="evaluate")
app.add_typer(synth, name="synth")
export.command("detector")(export_detector)
export.command("recogniser")(export_recogniser)
synth.command("sheet")(write_sheet)


@synth.command("fonts")
def fonts(
    smoke: Annotated[bool, typer.Option("--smoke", help="Fetch nothing; say what is there and draw with it.")] = False,
) -> None:
    """Fetch the open fonts that plates are drawn with, through npm and apt."""
    sys.exit(try_fonts() if smoke else fetch_fonts())


def try_fonts() -> int:
    """Draw a character with every font that is there, and say what fetching needs; 0 if any font draws."""
    files, folder = text_fonts(), font_folder()
    fetched = sum(Path(file).is_relative_to(folder) for file in files)
    drawn = sum(bool(glyph(file, "8").any()) for file in files)
    typer.echo(f"{folder}: {fetched} fonts fetched; {drawn} of {len(files)} draw")
    absent = [tool for tool in ("npm", "apt-get", "dpkg") if shutil.which(tool) is None]
    typer.echo(f"not here, and needed to fetch: {', '.join(absent)}" if absent else "npm, apt-get and dpkg are here")
    return 0 if drawn else 1


def main() -> None:
    """Run the command line; the entry point of the package."""
    app()


if __name__ == "__main__":
    main()
