"""Writes all drawings into docs/drawings."""

from pathlib import Path

from tools.drawings.pictures import PICTURES

FOLDER = Path(__file__).parents[2] / "docs" / "drawings"


def main() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for name, drawn in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(drawn().svg())
        print(f"docs/drawings/{name}.svg")


if __name__ == "__main__":
    main()
