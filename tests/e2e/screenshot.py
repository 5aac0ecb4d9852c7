"""Take the pictures of a map that stand in the README.

python tests/e2e/screenshot.py --dataset DIR --out docs/images/map.png
python tests/e2e/screenshot.py --dataset DIR --overview --out docs/images/map-overview.png
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path

from e2e_support import show
from headless_chromium import Chromium, find
from PIL import Image

from ghostload.dataset import load_dataset
from ghostload.reporting.map_page import write_map


def main() -> None:
    """Draw the map, go to a transformer, choose it, and save what is on the screen."""
    parser = argparse.ArgumentParser(description="Take a picture of a map.")
    parser.add_argument("--dataset", type=Path, required=True, help="folder of a data set")
    parser.add_argument("--out", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--transformer", help="id to choose; the first of a feeder in the middle when not given")
    parser.add_argument("--overview", action="store_true", help="show all of it, with nothing chosen")
    parser.add_argument("--scale", type=float, default=1.6, help="metres a pixel")
    parser.add_argument("--truth", action="store_true", help="show the ground truth")
    parser.add_argument("--width", type=int, default=1400)
    parser.add_argument("--height", type=int, default=820)
    options = parser.parse_args()
    program = find()
    if program is None:
        parser.error("Chromium is not there")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.html"
        write_map(load_dataset(options.dataset), path, truth=options.truth)
        browser = Chromium(program, Path(folder) / "profile")
        try:
            page = show(browser.page(), path, width=options.width, height=options.height)
            if not options.overview:
                chosen = options.transformer or page.run("GL.model.meta.tx_ids[GL.model.numTx >> 1]")
                number = page.run(f"GL.model.meta.tx_ids.indexOf({chosen!r})")
                if number < 0:
                    parser.error(f"no transformer {chosen}")
                page.run(f"GL.view.show(GL.model.tx.x[{number}], GL.model.tx.y[{number}], {options.scale})")
                page.run(f"GL.choose({{tx: {number}}})")
            page.settle()
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        finally:
            browser.close()
    picture.save(options.out, optimize=True)


if __name__ == "__main__":
    main()
