"""A picture of a terminal in which `make demo` ran: `python -m tools.drawings.screenshot`.

It runs the demonstration, which takes half a minute, and writes docs/figures/demo.svg. Rich draws
it; its fonts, which come from elsewhere, are left out for those of the reader's system.
"""

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

FIGURE: Final = Path(__file__).parents[2] / "docs" / "figures" / "demo.svg"
COLUMNS: Final = 100
_PASSING: Final = re.compile(r"\s*(?:playing|without c|together)\b")
_FONTS: Final = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)


def main() -> None:
    """Run the demonstration and draw what it wrote."""
    wanted = {"COLUMNS": str(COLUMNS), "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo"],
        env=os.environ | wanted,
        capture_output=True,
        text=True,
        check=True,
    )
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), legacy_windows=False)
    console.print(Text("\n").join(_lasting(done.stdout)))
    FIGURE.write_text(console.export_svg(title="make demo", code_format=_without_fonts()))
    print(FIGURE)


def _lasting(output: str) -> list[Text]:
    """Return the lines that are there at the end; bars of progress are not."""
    lines = [Text.from_ansi(line) for line in output.rstrip().split("\n")]
    kept = [line for line in lines if not _PASSING.match(line.plain)]
    return [
        line
        for line, before in zip(kept, [Text("-"), *kept], strict=False)
        if line.plain.strip() or before.plain.strip()
    ]


def _without_fonts() -> str:
    return _FONTS.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code", "ui-monospace")


if __name__ == "__main__":
    main()
