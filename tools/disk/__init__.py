"""A disk that loses what was not synced, and fails when it is told to, under a real process.

Files are as the operating system's page cache has them: whatever was written is read again, also
by the next process. Beside them, in a folder of its own, is noted what was written and not synced
yet, with what stood there before. So a power cut can be played on the files that a killed process
left: `cut.py` takes back what no sync had promised, or parts of it.

What is modelled: sectors of 512 bytes are written whole, in any order, and at any time before
their sync; names that were made, changed and removed last from the sync of their folder on, in
order; shared memory is lost. A failed sync marks pages as clean that never reached the disk, and
says so once (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).

What is not: a disk that lies about its syncs, and sectors that rot.
"""
