"""Drawings of a write: its stamp, and its dot."""

from tools.drawings.canvas import Canvas


def stamps() -> Canvas:
    """Draw who wins: the greatest stamp of an element."""
    sheet = Canvas("stamps", "Three writes to one element, in the order of their stamps", 760, 236)
    sheet.arrow((30, 96), (730, 96))
    sheet.text(730, 120, "later", size="s", anchor="end")
    for x, says, kind, time in (
        (60, "add fig\non node a", "plain", "time 10, stamp 20"),
        (270, "add fig\non node b", "plain", "time 14, stamp 28"),
        (480, "remove fig\non node c", "gone", "time 14, stamp 29"),
    ):
        sheet.box(x, 20, 150, 52, says, kind=kind)
        sheet.line((x + 75, 72), (x + 75, 104))
        sheet.text(x + 75, 124, time, size="s", anchor="middle")
    sheet.text(
        60,
        166,
        "stamp = twice the time, +1 for a remove. The state of an element is its greatest stamp:",
    )
    sheet.box(
        60,
        182,
        570,
        36,
        "fig is removed, on every node, in whatever order the three arrive",
        kind="gone",
    )
    return sheet


def dots() -> Canvas:
    """Draw a log, its dots, and a vector that covers some of them."""
    sheet = Canvas("dots", "The log of node a, and which of its writes node b has", 760, 268)
    sheet.text(20, 28, "log of node a", size="b")
    rows = (
        ("1", "apple", "same"),
        ("2", "", "frame"),
        ("3", "plum", "same"),
        ("4", "pear", "new"),
        ("5", "fig", "new"),
    )
    for at, (number, element, kind) in enumerate(rows):
        x = 20 + at * 138
        sheet.box(x, 44, 122, 48, f"{number}: {element}" if element else "2", kind=kind)
        sheet.text(
            x + 61,
            112,
            f"dot (a, {number})" if element else "written again as 5",
            size="s",
            anchor="middle",
        )
    sheet.arrow((219, 40), (250, 16), (600, 16), (630, 40), kind="faint")
    sheet.text(20, 160, "vector of node b", size="b")
    sheet.box(20, 176, 122, 40, "a: 3", kind="mine")
    sheet.box(158, 176, 122, 40, "b: 7", kind="mine")
    sheet.text(300, 193, "“of a's writes I hold all up to the third, or something later.”")
    sheet.text(300, 213, "So 4 and 5 are news to b, and nothing else needs to travel.")
    sheet.text(
        20,
        250,
        "A row keeps its dot wherever it travels: who gets it from b knows it for a's write.",
        size="s",
    )
    return sheet
