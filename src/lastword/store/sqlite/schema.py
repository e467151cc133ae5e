"""The file's format: its tables, how a connection is set up, and which files are ours.

A row of `entries` is clustered by (set, key), where a key is the element's position (8 bytes,
big-endian) and the element. Runs and sets have small local numbers in the rows. `buckets` holds
the digest sums of stretches of a large set. Page checksums are SQLite's checksum VFS
(https://www.sqlite.org/cksumvfs.html), which wants 8 bytes reserved on each page.
"""

APPLICATION_ID = 0x6C77_7264
"""'lwrd', in the file's header, as SQLite's file format asks of applications."""

FORMAT_VERSION = 1
"""Kept in the header's user version. A file of a greater one is refused."""

RESERVED_BYTES = 8

TABLES = """
CREATE TABLE facts (
    name TEXT PRIMARY KEY,      -- digest_key, log_end, clock_last, redotted, listed_before,
    value ANY NOT NULL          -- greatest_collected, forgotten, may_collect, copy_of,
                                -- copy_origin, distrusted
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,     -- names the run in rows of this file
    run INTEGER NOT NULL UNIQUE,
    began INTEGER,              -- own runs only: the log number at which it began
    address TEXT,               -- where it served
    seen INTEGER,
    collected INTEGER
) STRICT;

CREATE TABLE sets (
    id INTEGER PRIMARY KEY,     -- names the set in rows of this file
    name BLOB NOT NULL UNIQUE,
    present INTEGER NOT NULL,
    tombstones INTEGER NOT NULL,
    sum_first INTEGER NOT NULL,
    sum_second INTEGER NOT NULL,
    collected_time INTEGER NOT NULL
) STRICT;

CREATE TABLE entries (
    set_id INTEGER NOT NULL,
    key BLOB NOT NULL,
    stamp INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    arrived INTEGER NOT NULL,
    PRIMARY KEY (set_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX entries_by_arrived ON entries (arrived);

CREATE INDEX tombstones ON entries (arrived) WHERE stamp & 1;

CREATE TABLE buckets (
    set_id INTEGER NOT NULL,
    low BLOB NOT NULL,          -- the least position of the stretch
    bits INTEGER NOT NULL,      -- how many leading bits its positions share
    entries INTEGER NOT NULL,
    sum_first INTEGER NOT NULL,
    sum_second INTEGER NOT NULL,
    PRIMARY KEY (set_id, low)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursors (
    address TEXT PRIMARY KEY,
    run INTEGER NOT NULL,
    number INTEGER NOT NULL,
    head INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    address TEXT PRIMARY KEY,
    run INTEGER,
    seen BLOB,                  -- the vector that it last reported, in msgpack
    silent_us INTEGER NOT NULL  -- how long it was silent while this node was up
) STRICT, WITHOUT ROWID;

CREATE TABLE marks (
    wall_us INTEGER PRIMARY KEY,
    number INTEGER NOT NULL     -- the log's end just before
) STRICT;
"""

SETTINGS = f"""
PRAGMA synchronous = FULL;
PRAGMA fullfsync = ON;
PRAGMA checkpoint_fullfsync = ON;
PRAGMA wal_autocheckpoint = 0;
PRAGMA journal_size_limit = {128 << 20};
PRAGMA temp_store = MEMORY;
PRAGMA trusted_schema = OFF;
"""
"""What every connection sets: an acknowledged write is on the disk; the
write-ahead log is copied back by `checkpointer`, and its file kept at its length till then."""
