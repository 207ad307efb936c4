"""Fetch the open fonts that the plate renderer draws with, through npm and apt.

The fonts (SIL OFL, Apache-2.0, GPL with font exception) stay in a cache that git ignores; none
is committed. Run `anpr-train synth fonts` once before rendering.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from training.synth.fonts import font_folder

NPM_SCOPE = "@fontsource"
NPM_FONTS = [
    "anton",
    "archivo",
    "archivo-narrow",
    "arimo",
    "asap-condensed",
    "b612-mono",
    "barlow",
    "barlow-condensed",
    "barlow-semi-condensed",
    "bebas-neue",
    "big-shoulders-display",
    "cabin-condensed",
    "chakra-petch",
    "cousine",
    "dm-mono",
    "electrolize",
    "encode-sans-condensed",
    "fira-mono",
    "fira-sans-condensed",
    "fjalla-one",
    "francois-one",
    "ibm-plex-mono",
    "ibm-plex-sans-condensed",
    "inconsolata",
    "jetbrains-mono",
    "khand",
    "league-gothic",
    "nunito",
    "oswald",
    "overpass",
    "overpass-mono",
    "oxygen-mono",
    "pathway-gothic-one",
    "pragati-narrow",
    "pt-mono",
    "pt-sans-narrow",
    "quantico",
    "rajdhani",
    "red-hat-mono",
    "roboto-condensed",
    "roboto-mono",
    "saira",
    "saira-condensed",
    "saira-extra-condensed",
    "saira-semi-condensed",
    "share-tech",
    "share-tech-mono",
    "sofia-sans-condensed",
    "source-code-pro",
    "space-mono",
    "staatliches",
    "teko",
    "ubuntu-condensed",
    "ubuntu-mono",
    "varela-round",
    "yanone-kaffeesatz",
]
DEBIAN_FONTS = [
    "fonts-opendin",
    "fonts-osifont",
    "fonts-routed-gothic",
    "fonts-roadgeek",
    "fonts-urw-base35",
    "fonts-liberation",
    "fonts-freefont-ttf",
    "fonts-dejavu-core",
    "fonts-ipaexfont-gothic",
]


def fetch_npm(folder: Path) -> None:
    """Install the npm font packages under `folder`/node_modules; present ones are kept."""
    packages = [f"{NPM_SCOPE}/{name}" for name in NPM_FONTS]
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), *packages]
    subprocess.run(command, check=True)


def fetch_debian(folder: Path) -> None:
    """Download the Debian font packages and unpack them under `folder`/deb, without installing."""
    unpacked = folder / "deb"
    unpacked.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", *DEBIAN_FONTS], check=True, cwd=unpacked)
    for package in sorted(unpacked.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), str(unpacked)], check=True)
        package.unlink()


def main() -> int:
    """Fetch everything; say where it lies."""
    folder = font_folder()
    folder.mkdir(parents=True, exist_ok=True)
    fetch_npm(folder)
    try:
        fetch_debian(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{folder}: Debian fonts not fetched ({error}); the npm fonts alone work, with fewer shapes\n")
    sys.stdout.write(f"fonts lie in {folder}\n")
    return 0
