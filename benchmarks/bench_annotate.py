"""A study with many raters at once: a real server, and raters over HTTP on the loopback, each in a thread.

    python benchmarks/bench_annotate.py [--raters 60] [--minutes 10] [--pace 2] [--seed 0]

Each rater answers one question every `--pace` seconds, and fetches every page and picture. Three quarters are honest, with
different amounts of noise; a sixth answer at random, and a twelfth always the same. Prints the time of an answer (from sending
it to having the next page) and of a picture, whether every answer that was confirmed is stored once, and whom the screening
excludes. Exits with 1 where an answer is lost or doubled, where the 95th percentile is above 200 ms, or where the screening
is wrong.
"""

from __future__ import annotations

import argparse
import html
import http.client
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

from memobench_annotate.building import build
from memobench_annotate.inviting import invite
from memobench_annotate.results import verdicts
from memobench_annotate.study import Study

HARNESS = str(Path(sys.executable).parent / "harness")
TASKS = ("coarse_emotion", "fine_intensity")
LIMIT_MS = 200.0


@dataclass
class Client:
    """A rater at a browser."""

    name: str
    token: str
    port: int
    study: Study
    kind: str
    rng: random.Random
    answers: list[float] = field(default_factory=list)
    pictures: list[float] = field(default_factory=list)
    confirmed: dict[int, str] = field(default_factory=dict)
    problem: str = ""

    def run(self, until: float, pace: float) -> None:
        """Rate until a time."""
        self.cookie, self.seen = "", set[str]()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        rater = self.study.store.rater_by_name(self.name)
        assert rater is not None
        self.trials = {}
        page = self.send("/enter", {"token": self.token})
        next_at = time.monotonic() + self.rng.random() * pace
        while time.monotonic() < until:
            kind = found(r'data-kind="(\w+)"', page) or found(r'<body[^>]*class="(\w+)', page)
            key = found(r'name="form_key" value="([^"]*)"', page)
            if kind == "trial":
                if not self.trials:
                    self.trials = {t.position: t for t in self.study.store.trials(rater.id)}
                self.fetch(page)
                time.sleep(max(0.0, next_at - time.monotonic()))
                next_at += pace
                position = int(found(r'name="position" value="(\d+)"', page))
                value = self.choose(position)
                began = time.perf_counter()
                page = self.send(
                    "/answer", {"form_key": key, "position": str(position), "value": value, "ms": "1500"}
                )
                self.answers.append(time.perf_counter() - began)
                self.confirmed[position] = value
            elif 'action="/consent"' in page:
                page = self.send("/consent", {"form_key": key})
            elif 'action="/check"' in page:
                page = self.send("/check", {"form_key": key})
            elif 'action="/go_on"' in page:
                position = found(r'name="position" value="(-?\d+)"', page)
                page = self.send("/go_on", {"form_key": key, "position": position})
            else:
                return

    def choose(self, position: int) -> str:
        """What this kind of rater answers."""
        trial = self.trials[position]
        if self.kind == "random":
            return self.rng.choice(trial.options)
        if self.kind == "straight":
            return (
                trial.expected if trial.part == "attention" and trial.expected else sorted(trial.options)[0]
            )
        if trial.expected is not None:
            return trial.expected
        question = self.study.questions[trial.question]
        noise = 0.1 + 0.4 * (hash(self.name) % 5) / 5
        if question.kind == "rating":
            value = round(float(question.truth or 3) - question.low + self.rng.gauss(0, 2 * noise))
            return question.options[min(max(value, 0), len(question.options) - 1)]
        return self.rng.choice(trial.options) if self.rng.random() < noise else str(question.truth)

    def send(self, path: str, form: dict[str, str]) -> str:
        """Send a form; returns the next page."""
        headers = {
            "Origin": f"http://127.0.0.1:{self.port}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": self.cookie,
            "X-Swap": "1",
        }
        self.connection.request("POST", path, urllib.parse.urlencode(form), headers)
        response = self.connection.getresponse()
        body = response.read()
        if cookie := response.getheader("Set-Cookie"):
            self.cookie = cookie.partition(";")[0]
        if response.status == 303:
            return self.get("/").decode()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status}")
        return body.decode()

    def get(self, path: str) -> bytes:
        """Fetch a page or picture."""
        self.connection.request("GET", path, headers={"Cookie": self.cookie})
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status}")
        return body

    def fetch(self, page: str) -> None:
        """The pictures that a browser has not seen yet."""
        for path in re.findall(r'<img src="(/picture/\w+)"', page):
            if path not in self.seen:
                began = time.perf_counter()
                self.get(path)
                self.pictures.append(time.perf_counter() - began)
                self.seen.add(path)


def found(pattern: str, page: str) -> str:
    """The group of the first match; "" without one."""
    match = re.search(pattern, page)
    return html.unescape(match[1]) if match else ""


def percentile(values: list[float], share: float) -> float:
    """In milliseconds."""
    return 1000 * sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--raters", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--pace", type=float, default=2.0)
    parser.add_argument("--pictures", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="memobench-annotate-") as home:
        folder = Path(home) / "study"
        build(folder, "portraits", TASKS, limit=args.pictures, answers=args.raters, per_rater=2000)
        study = Study.open(folder)
        links = list(invite(study, args.raters, [], []))
        server = subprocess.Popen(
            [HARNESS, "annotate", str(folder), "--port", "0"], stdout=subprocess.PIPE, text=True
        )
        assert server.stdout is not None
        port = 0
        while not port:
            port = int(found(r"127\.0\.0\.1:(\d+)/live", server.stdout.readline()) or 0)
        rng = random.Random(args.seed)
        kinds = ["random"] * (args.raters // 6) + ["straight"] * (args.raters // 12)
        kinds += ["honest"] * (args.raters - len(kinds))
        rng.shuffle(kinds)
        clients = [
            Client(name, token, port, study, kind, random.Random(f"{args.seed}:{name}"))
            for (name, token), kind in zip(links, kinds, strict=True)
        ]
        until = time.monotonic() + 60 * args.minutes
        threads = [threading.Thread(target=_guarded, args=(c, until, args.pace)) for c in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.terminate()
        server.wait(20)
        return report(study, clients)


def _guarded(client: Client, until: float, pace: float) -> None:
    try:
        client.run(until, pace)
    except Exception as e:
        client.problem = f"{type(e).__name__}: {e}"


def report(study: Study, clients: list[Client]) -> int:
    """Print what was found; 1 where something is wrong."""
    answers = [t for c in clients for t in c.answers]
    pictures = [t for c in clients for t in c.pictures]
    by_name = {r.name: r for r in study.store.raters()}
    confirmed = sum(len(c.confirmed) for c in clients)
    stored = {c.name: study.store.answers(by_name[c.name].id) for c in clients}
    wrong = [
        f"{c.name} {position}"
        for c in clients
        for position, value in c.confirmed.items()
        if (answer := stored[c.name].get(position)) is None or answer.value != value
    ]
    extra = sum(map(len, stored.values())) - confirmed
    late = percentile(answers, 0.95)
    print(f"raters {len(clients)} · answers {confirmed:,} confirmed, {len(wrong)} lost, {extra} more stored")
    print(
        f"answer  p50 {percentile(answers, 0.5):.0f} ms · p95 {late:.0f} ms · max {percentile(answers, 1):.0f} ms"
    )
    print(
        f"picture p50 {percentile(pictures, 0.5):.0f} ms · p95 {percentile(pictures, 0.95):.0f} ms · n {len(pictures):,}"
    )
    for problem in sorted({c.problem for c in clients if c.problem}):
        print(f"problem {problem}")
    excluded = {v.name for v in verdicts(study).values() if v.excluded}
    careless = {c.name for c in clients if c.kind != "honest"}
    print(
        f"screening: {len(careless & excluded)} of {len(careless)} careless raters found, "
        f"{len(excluded - careless)} of {len(clients) - len(careless)} honest ones excluded"
    )
    problems = any(c.problem for c in clients)
    return int(bool(wrong) or extra > 0 or late > LIMIT_MS or careless != excluded or problems)


if __name__ == "__main__":
    sys.exit(main())
