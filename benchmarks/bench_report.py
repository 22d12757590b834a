"""The page of `harness report`: how long it takes to write and to open, and how large it is.

    python benchmarks/bench_report.py [--samples 7145 100000] [--browser /usr/bin/chromium]

Makes a run folder of each size in a temporary folder, with replies of 3 to 25 words, scores it, writes its page and opens
the page in headless Chromium with the network off. Prints seconds from opening to a gallery that can be used, seconds of a
filter and of a text search, megabytes of the page with and without thumbnails, and megabytes of JavaScript memory.
Needs playwright and a Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from helpers.many import make_run
from playwright.sync_api import Page, sync_playwright

from harness.report.page import write_report
from harness.scoring.score_run import score_folder

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


def timed(page: Page, action: str) -> float:
    """Seconds of a script in the page, until it has drawn again."""
    return float(
        page.evaluate(
            f"""async () => {{
                const start = performance.now();
                {action}
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                return (performance.now() - start) / 1000;
            }}"""
        )
    )


def measure(path: Path, browser: str, times: int = 3) -> dict[str, float]:
    """Open a page several times; the median of each figure."""
    found: list[dict[str, float]] = []
    with sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--js-flags=--expose-gc"]
        )
        for _ in range(times):
            context = chromium.new_context(offline=True)
            page = context.new_page()
            start = time.perf_counter()
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready=yes]")
            opened = time.perf_counter() - start
            page.wait_for_selector("html[data-charts=drawn]")
            charts = time.perf_counter() - start
            pick = "const f = document.getElementById('filter-state'); f.value = 'wrong'; f.dispatchEvent(new Event('change'));"
            filtered = timed(page, pick)
            search = "const s = document.getElementById('search'); s.value = 'smile'; s.dispatchEvent(new Event('input')); await new Promise((r) => setTimeout(r, 160));"
            searched = timed(page, search) - 0.16
            page.evaluate("gc()")
            heap = page.evaluate("performance.memory.usedJSHeapSize / 1e6")
            found.append(
                {
                    "open s": opened,
                    "charts s": charts,
                    "filter s": filtered,
                    "search s": searched,
                    "heap MB": heap,
                }
            )
            context.close()
        chromium.close()
    return {name: sorted(run[name] for run in found)[len(found) // 2] for name in found[0]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, nargs="+", default=[7145, 100_000])
    parser.add_argument("--browser", default=next(filter(None, map(shutil.which, CHROMIUMS)), None))
    options = parser.parse_args()
    if options.browser is None:
        parser.error("no Chromium found; give --browser PATH")
    for samples in options.samples:
        with tempfile.TemporaryDirectory() as folder:
            run = make_run(Path(folder), samples, pictures=min(samples, 2000))
            score_folder(run)
            start = time.perf_counter()
            page = write_report([run], Path(folder) / "report.html")
            written = time.perf_counter() - start
            bare = write_report([run], Path(folder) / "bare.html", embed=0)
            figures = {"write s": written, "MB": page.size / 1e6, "MB without thumbnails": bare.size / 1e6}
            figures |= measure(page.path, options.browser)
            print(
                f"{samples:,} samples: " + ", ".join(f"{name} {value:.2f}" for name, value in figures.items())
            )
            for note in page.notes:
                print(f"  note: {note}")


if __name__ == "__main__":
    main()
