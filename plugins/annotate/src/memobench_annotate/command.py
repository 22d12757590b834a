"""`harness annotate`: makes a study, invites people, serves it, exports what they said."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import Any

import click

from harness import BadOption, RequestError, UnknownName, nearest

MOST = 10_000
"""People invited at once."""
_STUDY = click.Path(path_type=Path)


class _Group(click.Group):
    """A group whose default subcommand serves the study that is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "-h", "--help"):
            guess = nearest(args[0], [name for name, command in self.commands.items() if not command.hidden])
            if guess and not args[0].startswith("-") and not Path(args[0]).exists():
                raise UnknownName(
                    f"There is no study {args[0]!r}, and no subcommand of this name.",
                    f"Did you mean {guess!r}?",
                )
            args = ["serve", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Group)
def annotate() -> None:
    """People rate portraits in a browser.

    `harness annotate STUDY [--port N] [--lan] [--url BASE]` serves a study until Ctrl-C. The answers of people are used like
    those of any other judge: `harness run --model people:STUDY`.
    """


@annotate.command("new")
@click.argument("data")
@click.option("--task", "tasks", required=True, multiple=True, help="Judge tasks to ask, comma-separated.")
@click.option("--out", required=True, type=_STUDY, help="Folder of the study, which is made.")
@click.option("--title", default="", help="What raters see at the top.")
@click.option("--limit", type=click.IntRange(min=1), help="Pictures, and pairs, at most; stratified.")
@click.option(
    "--answers", default=15, show_default=True, type=click.IntRange(1, 1000), help="Raters of each question."
)
@click.option(
    "--per-rater",
    default=60,
    show_default=True,
    type=click.IntRange(1, 2000),
    help="Questions of each rater.",
)
@click.option(
    "--training",
    default=4,
    show_default=True,
    type=click.IntRange(0, 50),
    help="Pictures that are set aside for training.",
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**31), help="Seed of pairs and orders."
)
def new(
    data: str,
    tasks: tuple[str, ...],
    out: Path,
    title: str,
    limit: int | None,
    answers: int,
    per_rater: int,
    training: int,
    seed: int,
) -> int:
    """Make a study of DATA, a name or folder: study.toml and copies of the pictures."""
    from memobench_annotate.building import build

    if not str(out).strip():
        raise BadOption("--out is empty.", "Give the folder of the study, which is made.")
    named = [name.strip() for text in tasks for name in text.split(",") if name.strip()]
    made = build(
        out,
        data,
        named,
        title=title,
        limit=limit,
        seed=seed,
        answers=answers,
        per_rater=per_rater,
        training=training,
    )
    pictures = {picture.digest for question in made.questions for picture in question.pictures}
    click.echo(f"{out}: {len(made.questions)} questions about {len(pictures)} pictures of {made.data}")
    if made.training:
        click.echo(f"{made.training} more pictures are set aside for training")
    for note in made.notes:
        click.echo(f"note: {note}")
    least = -(-len(made.questions) * answers // min(per_rater, len(made.questions)))
    click.echo(
        f"{answers} answers to each take {least} raters with {min(per_rater, len(made.questions))} questions each. Next:"
    )
    click.echo(f"  harness annotate invite {shlex.quote(str(out))} --raters {min(least, MOST)}")
    click.echo(f"  harness annotate {shlex.quote(str(out))}")
    return 0


@annotate.command("invite")
@click.argument("study", type=_STUDY)
@click.option("--raters", type=click.IntRange(1, MOST), help="How many people to add.")
@click.option("--name", "names", multiple=True, help="Add a person with this name; repeatable.")
@click.option(
    "--again",
    multiple=True,
    metavar="NAME",
    help="A new link for a rater who changes the device; the old one ends.",
)
@click.option("--url", default="", help="Base address of the links.  [default: http://127.0.0.1:8765]")
def invite(study: Path, raters: int | None, names: tuple[str, ...], again: tuple[str, ...], url: str) -> int:
    """Print a personal link for each new rater, as CSV. Links are shown once: only their hashes are stored."""
    from memobench_annotate.addresses import PORT, base_of
    from memobench_annotate.inviting import invite as add
    from memobench_annotate.study import Study
    from memobench_annotate.tables import csv_text

    if not (raters or names or again):
        raise BadOption("Nobody is invited.", "Give --raters N, or --name NAME.")
    base = base_of(url) if url else f"http://127.0.0.1:{PORT}"
    opened = Study.open(study)
    added = add(opened, raters or 0, names, again)
    lines = [("rater", "link"), *((name, f"{base}/r/{token}") for name, token in added)]
    click.echo(csv_text(lines, safe=True), nl=False)
    return 0


@annotate.command("export")
@click.argument("study", type=_STUDY)
def export(study: Path) -> int:
    """Write what people said: ratings.csv into the study's data, raters.csv with the screening, and answers.csv."""
    from memobench_annotate.exporting import export as write
    from memobench_annotate.results import verdicts
    from memobench_annotate.study import Study

    opened = Study.open(study)
    opened.check_pictures()
    for path in write(opened):
        click.echo(str(path))
    found = verdicts(opened).values()
    kept = sum(not verdict.excluded for verdict in found)
    click.echo(
        f"{kept} of {len(found)} raters pass the screening"
        + ("" if kept == len(found) else "; raters.csv says why")
    )
    opened.store.note("exported", None, "ratings.csv, raters.csv and answers.csv were written.")
    click.echo(
        f"Next: harness run --task {','.join(opened.config.tasks)} --model people:{study} --data {study / 'data'}"
    )
    return 0


@annotate.command("serve", hidden=True)
@click.argument("study", type=_STUDY)
@click.option("--port", type=click.IntRange(0, 65535), help="[default: 8765]")
@click.option(
    "--lan", is_flag=True, help="Answer other machines of the network too. Everybody needs a personal link."
)
@click.option(
    "--url", default="", help="Base address under which raters reach this machine, such as that of a tunnel."
)
def serve(study: Path, port: int | None, lan: bool, url: str) -> int:
    """Serve STUDY in this machine's browser until Ctrl-C. All answers are stored; serve it again to go on."""
    from memobench_annotate.addresses import PORT, base_of, bases, hosts, listen
    from memobench_annotate.study import Study

    base = base_of(url) if url else ""
    opened = Study.open(study)
    opened.check_pictures()
    people = opened.store.raters()
    if not people and not opened.config.access.open:
        raise RequestError(
            f"Nobody is invited to {study}.", f"Add people: harness annotate invite {study} --raters 15"
        )
    socket = listen(PORT if port is None else port, lan=lan)
    number = socket.getsockname()[1]
    first = bases(number, lan=lan, url=base)[0]
    click.echo(
        f"Serving {opened.config.title!r} for {len(people)} invited rater{'' if len(people) == 1 else 's'}. Ctrl-C ends it; no answer is lost."
    )
    click.echo(f"  experimenter   {first}/live/{opened.new_live_token()}")
    click.echo(f"  raters         their personal links, which begin with {first}/r/")
    if opened.config.access.open:
        click.echo(f"  anybody        {first}/join?rater=ID")
    _run(opened, socket, hosts(number, lan=lan, url=base), lan)
    return 0


def _run(study: Any, socket: Any, hosts: list[str], lan: bool) -> None:
    import uvicorn

    from memobench_annotate.app import make_app
    from memobench_annotate.connections import patient_protocol

    config = uvicorn.Config(
        make_app(study, hosts=hosts, lan=lan),
        http=patient_protocol(),
        log_level="error",
        access_log=False,  # It would hold personal links.
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        limit_concurrency=2048,
        h11_max_incomplete_event_size=16_384,
        ws="none",
    )
    with contextlib.suppress(KeyboardInterrupt), socket:
        uvicorn.Server(config).run([socket])
    study.store.close()
