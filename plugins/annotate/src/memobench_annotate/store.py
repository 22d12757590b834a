"""The answers of a study: SQLite, whose writes are on disk when they return."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import BadData, StorageError
from memobench_annotate.database import NO_ROOM, connect, file_of
from memobench_annotate.records import Answer, Event, Rater, Row, Trial
from memobench_annotate.tokens import new_code, new_token

FILE = "answers.db"
VERSION = "1"
MOST_TEXT = 1000
"""Characters of an event's text."""

_SCHEMA = """
create table if not exists meta (key text primary key, value text not null) without rowid;
create table if not exists rater (
    id integer primary key, name text not null unique, token_hash text not null, cookie_hash text not null,
    form_key text not null, state text not null, language text not null, seed integer not null, created real not null,
    started real, finished real, code text not null, display text not null, session integer not null,
    session_began real, rest_until real, external integer not null);
create unique index if not exists rater_token on rater (token_hash) where token_hash != '';
create unique index if not exists rater_cookie on rater (cookie_hash) where cookie_hash != '';
create table if not exists trial (
    rater integer not null, position integer not null, part text not null, question text not null,
    options text not null, expected text, primary key (rater, position)) without rowid;
create table if not exists answer (
    rater integer not null, position integer not null, value text not null, ms integer not null,
    answered real not null, session integer not null, changes integer not null, primary key (rater, position)) without rowid;
create table if not exists event (time real not null, kind text not null, rater integer, text text not null);
"""
_RATER = (
    "id, name, token_hash, cookie_hash, form_key, state, language, seed, created, started, finished, code, display, session, "
    "session_began, rest_until, external"
)
_FIELDS = frozenset(_RATER.split(", ")) - {"id", "seed", "created", "external"}


class Store:
    """The database of a study. Methods may be called from any thread; each write is on disk when it returns."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Raises `BadData` for a file that is no database of a study, `StorageError` where it cannot be written."""
        if not create and not path.is_file():
            raise BadData(
                f"{path.parent} is not a study: {path.name} is missing.",
                "Make one with `harness annotate new`.",
            )
        self._path, self._lock = path, threading.RLock()
        try:
            self._db, self._aside = connect(path)
            self._db.execute("pragma trusted_schema = off")
            if create:
                self._db.executescript(_SCHEMA)
                self._db.execute("insert or ignore into meta values ('version', ?)", (VERSION,))
            found = self._db.execute("select value from meta where key = 'version'").fetchone()
            found = None if found is None else found[0]
            self._file = file_of(path)
        except sqlite3.Error as e:
            if any(word in str(e) for word in NO_ROOM):
                raise StorageError(
                    f"{path} cannot be used: {e}.", "Free room on the disk, or check the permissions."
                ) from e
            raise BadData(f"{path} is not the database of a study: {e}.", "Restore it from a copy.") from e
        if found is None:
            raise BadData(f"{path} is not the database of a study.", "Restore it from a copy.")
        if found != VERSION:
            raise BadData(
                f"{path} is of version {found!r}, and this is version {VERSION!r}.",
                "Use the release of memobench-plugin-annotate that made the study.",
            )

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()
        if self._aside is not None:
            self._aside.cleanup()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._aside is not None:
                raise StorageError(
                    f"{self._path} cannot be written.", "Check the permissions, or copy the study elsewhere."
                )
            if file_of(self._path) != self._file:
                raise StorageError(
                    f"{self._path} was deleted or replaced while it was open: what is answered now would be lost.",
                    "Put the study's own file back, and serve the study again.",
                )
            try:
                self._db.execute("begin immediate")
                try:
                    yield self._db
                except BaseException:
                    self._db.execute("rollback")
                    raise
                self._db.execute("commit")
            except sqlite3.Error as e:
                raise StorageError(
                    f"{self._path} cannot be written: {e}.",
                    "Free room on the disk; no answer that was confirmed is lost.",
                ) from e

    def _all(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._db.execute(query, tuple(values)).fetchall()
            except sqlite3.Error as e:
                raise StorageError(f"{self._path} cannot be read: {e}.", "Restore it from a copy.") from e

    def meta(self, key: str) -> str | None:
        """A setting of the study itself."""
        found = self._all("select value from meta where key = ?", (key,))
        return str(found[0][0]) if found else None

    def set_meta(self, key: str, value: str) -> None:
        """Store a setting of the study itself."""
        with self._writing() as db:
            db.execute("insert or replace into meta values (?, ?)", (key, value))

    def raters(self) -> list[Rater]:
        """Everybody, in the order in which they were added."""
        return [_rater(row) for row in self._all(f"select {_RATER} from rater order by id")]

    def rater(self, id_: int) -> Rater:
        """One rater. Raises `KeyError`."""
        return self._one("id", id_)

    def rater_by_token(self, token_hash: str) -> Rater | None:
        """Whose link it is."""
        return self._maybe("token_hash", token_hash)

    def rater_by_cookie(self, cookie_hash: str) -> Rater | None:
        """Whose device it is."""
        return self._maybe("cookie_hash", cookie_hash)

    def rater_by_name(self, name: str) -> Rater | None:
        """Who has this name."""
        return self._maybe("name", name)

    def _one(self, column: str, value: Any) -> Rater:
        found = self._all(f"select {_RATER} from rater where {column} = ?", (value,))
        if not found:
            raise KeyError(value)
        return _rater(found[0])

    def _maybe(self, column: str, value: str) -> Rater | None:
        try:
            return self._one(column, value) if value else None
        except KeyError:
            return None

    def add_rater(
        self, name: str, token_hash: str, seed: int, *, external: bool = False, language: str = ""
    ) -> Rater:
        """Add a person. Raises `BadData` for a name that exists."""
        self.add_raters([(name, token_hash, seed)], external=external, language=language)
        found = self.rater_by_name(name)
        assert found is not None
        return found

    def add_raters(
        self, people: Sequence[tuple[str, str, int]], *, external: bool = False, language: str = ""
    ) -> None:
        """Add people by name, hash of the token and seed: all, or none. Raises `BadData` for a name that exists."""
        with self._writing() as db:
            for name, token_hash, seed in people:
                if db.execute("select 1 from rater where name = ?", (name,)).fetchone():
                    raise BadData(f"There is a rater {name!r} already.", "Choose another name.")
                values = (
                    name,
                    token_hash,
                    "",
                    new_token(),
                    "invited",
                    language,
                    seed,
                    time.time(),
                    new_code(),
                    "{}",
                    0,
                    external,
                )
                db.execute(
                    "insert into rater (name, token_hash, cookie_hash, form_key, state, language, seed, created, code, display, "
                    "session, external) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    values,
                )

    def count(self) -> int:
        """How many raters there are."""
        return int(self._all("select count(*) from rater")[0][0])

    def update_rater(self, id_: int, **fields: Any) -> Rater:
        """Change fields of a rater, which is returned."""
        with self._writing() as db:
            _update(db, id_, fields)
        return self.rater(id_)

    def claim_cookie(self, id_: int, cookie_hash: str) -> bool:
        """Make a device the one of a rater; False where another was first."""
        with self._writing() as db:
            done = db.execute(
                "update rater set cookie_hash = ? where id = ? and cookie_hash = ''", (cookie_hash, id_)
            )
            return done.rowcount == 1

    def plan(self, rater: int, make: Callable[[Counter[str]], list[Trial]]) -> list[Trial]:
        """The trials of a rater, in order; those that `make` returns, stored, where there are none yet.

        `make` is called with how often each question was assigned; nobody else is assigned any in between.
        """
        with self._writing() as db:
            found = db.execute(_TRIALS, (rater,)).fetchall()
            if not found:
                made = make(_assigned(db))
                db.executemany(
                    "insert into trial values (?, ?, ?, ?, ?, ?)",
                    [
                        (t.rater, t.position, t.part, t.question, json.dumps(t.options), t.expected)
                        for t in made
                    ],
                )
                return made
        return [_trial(row) for row in found]

    def trials(self, rater: int) -> list[Trial]:
        """The trials of a rater, in order."""
        return [_trial(row) for row in self._all(_TRIALS, (rater,))]

    def answers(self, rater: int) -> dict[int, Answer]:
        """Position -> answer of a rater."""
        rows = self._all(
            "select rater, position, value, ms, answered, session, changes from answer where rater = ?",
            (rater,),
        )
        return {row[1]: Answer(*row) for row in rows}

    def answer(self, answer: Answer, *, change: bool = False, **fields: Any) -> bool:
        """Store an answer, and with it fields of the rater; False, and nothing is stored, where the position is answered
        already and this is no `change` of it.
        """
        with self._writing() as db:
            before = db.execute(
                "select changes from answer where rater = ? and position = ?", (answer.rater, answer.position)
            ).fetchone()
            if before is not None and not change:
                return False
            changes = 0 if before is None else before[0] + 1
            db.execute(
                "insert or replace into answer values (?, ?, ?, ?, ?, ?, ?)",
                (
                    answer.rater,
                    answer.position,
                    answer.value,
                    answer.ms,
                    answer.answered,
                    answer.session,
                    changes,
                ),
            )
            _update(db, answer.rater, fields)
            return True

    def add_trials(self, trials: Iterable[Trial], rater: int, **fields: Any) -> Rater:
        """Add trials to those of a rater, and change fields of the rater, who is returned."""
        with self._writing() as db:
            _insert(db, trials)
            _update(db, rater, fields)
        return self.rater(rater)

    def rows(self) -> list[Row]:
        """All answers of everybody who has not withdrawn, by rater and position."""
        found = self._all(
            "select a.rater, a.position, t.part, t.question, t.options, t.expected, a.value, a.ms, a.answered, a.session, a.changes "
            "from answer a join trial t on t.rater = a.rater and t.position = a.position order by a.rater, a.position"
        )
        return [
            Row(rater, position, part, question, tuple(json.loads(options)), *rest)
            for rater, position, part, question, options, *rest in found
        ]

    def counts(self) -> dict[int, tuple[int, int]]:
        """Rater -> number of trials and of answers."""
        trials = dict(self._all("select rater, count(*) from trial group by rater"))
        answers = dict(self._all("select rater, count(*) from answer group by rater"))
        return {rater: (count, answers.get(rater, 0)) for rater, count in trials.items()}

    def version(self) -> tuple[int, int, int]:
        """Changes with every answer, change of one and event."""
        answers, changes = self._all("select count(*), coalesce(sum(changes), 0) from answer")[0]
        return int(answers), int(changes), int(self._all("select count(*) from event")[0][0])

    def events(self) -> list[Event]:
        """All events, oldest first."""
        return [Event(*row) for row in self._all("select time, kind, rater, text from event order by rowid")]

    def note(self, kind: str, rater: int | None, text: str) -> None:
        """Store an event for the experimenter."""
        with self._writing() as db:
            db.execute("insert into event values (?, ?, ?, ?)", (time.time(), kind, rater, text[:MOST_TEXT]))

    def withdraw(self, rater: int) -> None:
        """Delete the answers and trials of a rater, who cannot go on."""
        with self._writing() as db:
            db.execute("delete from answer where rater = ?", (rater,))
            db.execute("delete from trial where rater = ?", (rater,))
            db.execute(
                "update rater set state = 'withdrawn', display = '{}', finished = ? where id = ?",
                (time.time(), rater),
            )


_TRIALS = (
    "select rater, position, part, question, options, expected from trial where rater = ? order by position"
)


ABANDONED = 6 * 3600.0
"""Seconds without an answer after which what a rater has not answered is assigned to others."""


def _assigned(db: sqlite3.Connection) -> Counter[str]:
    """How often each question was answered, or waits for somebody who is still at it."""
    since = time.time() - ABANDONED
    found = db.execute(
        "select t.question, count(*) from trial t join rater r on r.id = t.rater "
        "left join answer a on a.rater = t.rater and a.position = t.position "
        "where t.part in ('main', 'gold') and (a.value is not null or coalesce("
        "(select max(answered) from answer where rater = t.rater), r.started, r.created) > ?) group by t.question",
        (since,),
    )
    return Counter(dict(found))


def _insert(db: sqlite3.Connection, trials: Iterable[Trial]) -> None:
    db.executemany(
        "insert into trial values (?, ?, ?, ?, ?, ?)",
        [(t.rater, t.position, t.part, t.question, json.dumps(t.options), t.expected) for t in trials],
    )


def _update(db: sqlite3.Connection, rater: int, fields: dict[str, Any]) -> None:
    unknown = set(fields) - _FIELDS
    if unknown:
        raise TypeError(f"a rater has no {', '.join(sorted(unknown))} that changes")
    if "display" in fields:
        fields["display"] = json.dumps(fields["display"])
    if fields:
        names = ", ".join(f"{name} = ?" for name in fields)
        db.execute(f"update rater set {names} where id = ?", (*fields.values(), rater))


def _rater(row: tuple[Any, ...]) -> Rater:
    known = dict(zip(_RATER.split(", "), row, strict=True))
    return Rater(**{**known, "display": json.loads(known["display"]), "external": bool(known["external"])})


def _trial(row: tuple[Any, ...]) -> Trial:
    return Trial(row[0], row[1], row[2], row[3], tuple(json.loads(row[4])), row[5])
