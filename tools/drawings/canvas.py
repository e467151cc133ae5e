"""A sheet that boxes, arrows and words are put on, and that becomes an SVG.

Colours are classes, light and dark by what the reader's system prefers. Words are text, so they
can be selected and searched; fonts are the system's, so nothing is fetched.
"""

from dataclasses import dataclass, field
from html import escape
from typing import Final

LINE_HEIGHT: Final = 19
STYLE: Final = """
.d-t{font:15px system-ui,sans-serif;fill:#1e293b}
.d-s{font:13px system-ui,sans-serif;fill:#475569}
.d-b{font:bold 15px system-ui,sans-serif;fill:#1e293b}
.d-plain{fill:#f1f5f9;stroke:#94a3b8}
.d-new{fill:#fef3c7;stroke:#d97706}
.d-same{fill:#dcfce7;stroke:#16a34a}
.d-gone{fill:#fee2e2;stroke:#dc2626}
.d-mine{fill:#dbeafe;stroke:#2563eb}
.d-frame{fill:none;stroke:#94a3b8;stroke-dasharray:5 4}
.d-line{fill:none;stroke:#475569;stroke-width:1.5}
.d-faint{fill:none;stroke:#94a3b8;stroke-dasharray:5 4}
.d-cut{fill:none;stroke:#dc2626;stroke-width:2.5;stroke-dasharray:7 5}
.d-tip{fill:#475569}
@media (prefers-color-scheme:dark){
.d-t,.d-b{fill:#e2e8f0}.d-s{fill:#a3b1c6}
.d-plain{fill:#1e293b;stroke:#64748b}.d-new{fill:#573a06;stroke:#f59e0b}
.d-same{fill:#0f3d22;stroke:#22c55e}.d-gone{fill:#5b1a1a;stroke:#f87171}
.d-mine{fill:#16305f;stroke:#60a5fa}.d-frame,.d-faint{stroke:#64748b}
.d-line{stroke:#a3b1c6}.d-tip{fill:#a3b1c6}.d-cut{stroke:#f87171}}
""".strip()


@dataclass(slots=True)
class Canvas:
    """A drawing of a size, with a name and what it shows, for whoever cannot see it."""

    name: str
    shows: str
    width: int
    height: int
    _parts: list[str] = field(default_factory=list)

    def box(
        self, x: float, y: float, w: float, h: float, says: str = "", *, kind: str = "plain"
    ) -> None:
        """Put a box with centred words, a line for each; `kind` is its colour."""
        self._parts.append(
            f'<rect class="d-{kind}" x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="5"/>'
        )
        lines = says.split("\n") if says else []
        top = y + h / 2 + 5 - (len(lines) - 1) * LINE_HEIGHT / 2
        for number, line in enumerate(lines):
            self.text(x + w / 2, top + number * LINE_HEIGHT, line, anchor="middle")

    def text(
        self, x: float, y: float, says: str, *, size: str = "t", anchor: str = "start"
    ) -> None:
        """Put words; `size` is t, s (small) or b (bold)."""
        self._parts.append(
            f'<text class="d-{size}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">'
            f"{escape(says)}</text>"
        )

    def line(self, *points: tuple[float, float], kind: str = "line") -> None:
        """Put a line through points."""
        path = " L".join(f"{x:g} {y:g}" for x, y in points)
        self._parts.append(f'<path class="d-{kind}" d="M{path}"/>')

    def arrow(self, *points: tuple[float, float], says: str = "", kind: str = "line") -> None:
        """Put a line with a tip at its end, and words above its middle."""
        path = " L".join(f"{x:g} {y:g}" for x, y in points)
        self._parts.append(
            f'<path class="d-{kind}" marker-end="url(#{self.name}-tip)" d="M{path}"/>'
        )
        if says:
            (x1, y1), (x2, y2) = points[0], points[-1]
            self.text((x1 + x2) / 2, (y1 + y2) / 2 - 7, says, size="s", anchor="middle")

    def svg(self) -> str:
        """Return the drawing."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'role="img" aria-labelledby="{self.name}-title">\n'
            f'<title id="{self.name}-title">{escape(self.shows)}</title>\n'
            f"<style>{STYLE}</style>\n"
            f'<defs><marker id="{self.name}-tip" viewBox="0 0 8 8" refX="7" refY="4" '
            f'markerWidth="8" markerHeight="8" orient="auto">'
            f'<path class="d-tip" d="M0 0L8 4L0 8z"/></marker>'
            f"</defs>\n" + "\n".join(self._parts) + "\n</svg>\n"
        )
