"""A power cut, played on the files that a killed process left."""

from pathlib import Path
from random import Random

from tools.disk import contents, names
from tools.disk.plan import NAME


def cut_power(folder: Path, notes: Path, rng: Random | None) -> None:
    """Leave in `folder` what a disk has for certain, or, by `rng`, that and a part of the rest.

    No process may have the files open. `notes` are used up.
    """
    files = (*folder.iterdir(), *names.kept(notes))
    by_inode = {str(path.stat().st_ino): path for path in files}
    for noted in notes.iterdir():
        if noted.name.isdecimal():
            if noted.name in by_inode:
                contents.take_back(by_inode[noted.name], contents.unsynced(noted), rng)
            noted.unlink()
    names.take_back(notes, rng)
    (notes / NAME).unlink(missing_ok=True)
    for shared in folder.glob("*-shm"):
        shared.unlink()
