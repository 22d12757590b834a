import csv
import os
import shutil
import tempfile
from pathlib import Path

from harness import DataSet, HarnessOptions, option

COLOURS = {
    "happy": "gold",
    "sad": "navy",
    "angry": "darkred",
    "surprise": "orange",
    "worry": "grey",
    "neutral": "white",
}
VERSION = 1
"""Part of the folder's name: what an earlier version drew is never taken for this one's."""


class Tints(DataSet):
    """Plain colours, drawn on first use and cached."""

    class Options(HarnessOptions):
        people: int = option(4, "how many people", ge=1, le=100)

    def prepare(self):
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "memobench-plugin-tints")
        folder = cache / f"v{VERSION}-{self.options.people}"
        if not folder.is_dir():
            cache.mkdir(parents=True, exist_ok=True)
            aside = Path(tempfile.mkdtemp(dir=cache))
            self.draw(aside)
            try:
                aside.rename(folder)
            except OSError:  # Another process was faster.
                shutil.rmtree(aside)
        return folder

    def draw(self, folder):
        from PIL import Image

        with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["image", "emotion", "subject", "colour"])
            for person in range(self.options.people):
                for emotion, colour in COLOURS.items():
                    name = f"{person}-{emotion}.png"
                    Image.new("RGB", (64 + person, 64), colour).save(folder / name)
                    table.writerow([name, emotion, f"p{person}", colour])
