#!/usr/bin/env python3
"""A consumer of the change feed: prints each change as a line of JSON.

    consumer.py NAME

It needs psycopg 3, and connects by the PG* variables. Put what you want to do
with a change into deal_with(). Each change comes at least once: what was dealt
with when the program or the server was killed comes again. Two of these under
one name take turns.

It waits for a server that is not there. It ends with status 0 when it is told
to stop, and with status 1 when the feed cannot be followed.
"""

import json
import signal
import sys
import threading

import psycopg
from psycopg.rows import dict_row

BATCH = 100
PAUSE = 1  # second between two looks, and before a new connection

stopping = threading.Event()


def deal_with(change):
    """Does what this consumer is for. An error here keeps the place."""
    print(json.dumps(change, default=str), flush=True)


def take_turn(connection, name):
    """Deals with the next changes; false when there were none."""
    with connection.transaction():
        changes = connection.execute(
            "SELECT * FROM pgbeam.next_changes(%s, %s)", (name, BATCH)
        ).fetchall()
        for change in changes:
            deal_with(change)
        if changes:
            connection.execute(
                "SELECT pgbeam.confirm(%s, %s)", (name, changes[-1]["token"])
            )
    return bool(changes)


def follow(name):
    """Follows the feed by one connection, until it is lost."""
    with psycopg.connect(autocommit=True, row_factory=dict_row) as connection:
        connection.execute("SELECT pgbeam.subscribe(%s)", (name,))
        while not stopping.is_set():
            if not take_turn(connection, name):
                stopping.wait(PAUSE)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: consumer.py NAME")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    while not stopping.is_set():
        try:
            follow(sys.argv[1])
        except psycopg.OperationalError as error:
            print(f"connecting again: {error}", file=sys.stderr, flush=True)
            stopping.wait(PAUSE)
        except psycopg.Error as error:
            hint = error.diag.message_hint or ""
            sys.exit(f"{error.sqlstate}: {error.diag.message_primary}. {hint}")


if __name__ == "__main__":
    main()
