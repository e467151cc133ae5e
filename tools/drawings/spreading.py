"""Drawings of how writes reach all nodes: the whole, a walk, a comparison."""

from tools.drawings.canvas import Canvas


def convergence() -> Canvas:
    """Draw three nodes that are cut apart, take writes, and agree again."""
    sheet = Canvas("convergence", "Three nodes: before, during and after a cut", 760, 290)
    for x, title, states, said in (
        (20, "together", ("apple fig", "apple fig", "apple fig"), "all hold the same"),
        (
            270,
            "cut off: all go on",
            ("apple fig\npear", "apple fig\npear", "apple"),
            "c removes fig, a adds pear",
        ),
        (520, "together again", ("apple pear", "apple pear", "apple pear"), "fig stays removed"),
    ):
        sheet.text(x + 110, 26, title, size="b", anchor="middle")
        kind = "new" if "cut" in title else "same"
        sheet.box(x, 44, 100, 70, f"a\n{states[0]}", kind=kind)
        sheet.box(x + 120, 44, 100, 70, f"b\n{states[1]}", kind=kind)
        sheet.box(x + 60, 180, 100, 70, f"c\n{states[2]}", kind="gone" if kind == "new" else kind)
        sheet.line((x + 100, 79), (x + 120, 79))
        ends = ((x + 50, 114, x + 90, 180), (x + 170, 114, x + 130, 180))
        for x1, y1, x2, y2 in ends:
            sheet.line((x1, y1), (x2, y2), kind="faint" if kind == "new" else "line")
        if kind == "new":
            sheet.line((x, 148), (x + 220, 148), kind="cut")
        sheet.text(x + 110, 276, said, size="s", anchor="middle")
    return sheet


def walk() -> Canvas:
    """Draw the messages of a walk over another's log."""
    sheet = Canvas("walk", "Node b reads the log of node a, page by page", 760, 322)
    for x, name in ((110, "node b"), (560, "node a")):
        sheet.box(x - 60, 12, 120, 34, name, kind="mine")
        sheet.line((x, 46), (x, 256), kind="faint")
    steps = (
        (72, True, "pull: I have read you up to 3, and this is my vector"),
        (122, False, "page: 4 pear, 5 fig ... and there is more"),
        (190, True, "pull: up to 2,003"),
        (240, False, "page: the rest, and the vector that I had before I read it"),
    )
    for y, asks, says in steps:
        ends = ((110, y), (560, y)) if asks else ((560, y), (110, y))
        sheet.arrow(*ends, says=says)
    sheet.text(118, 146, "rows and cursor are stored in one transaction", size="s")
    sheet.box(20, 268, 230, 42, "only now b's vector rises", kind="same")
    sheet.text(270, 294, "whatever is lost before that is asked for again", size="s")
    return sheet


def digests() -> Canvas:
    """Draw how a comparison goes down to what differs."""
    sheet = Canvas(
        "digests", "Ranges of a set with their sums, on two nodes; one element differs", 760, 300
    )
    levels = ((20, 1), (96, 2), (172, 4))
    for y, parts in levels:
        width = 560 / parts
        for part in range(parts):
            differs = part == {1: 0, 2: 1, 4: 2}[parts]
            x = 20 + part * width
            sheet.box(
                x + 4,
                y,
                width - 8,
                44,
                "sums differ" if differs else "equal",
                kind="new" if differs else "same",
            )
            if differs and parts < 4:
                child = {1: 1, 2: 2}[parts]
                sheet.arrow((x + width / 2, y + 44), (20 + (child + 0.5) * width / 2, y + 74))
    sheet.text(600, 40, "the whole set", size="s")
    sheet.text(600, 62, "one message, if equal", size="s")
    sheet.text(600, 118, "its halves, by the hash", size="s")
    sheet.text(600, 140, "of the elements", size="s")
    sheet.text(600, 194, "and so on; equal ranges", size="s")
    sheet.text(600, 216, "are never looked into", size="s")
    sheet.arrow((370, 216), (370, 246))
    sheet.box(230, 248, 280, 40, "the few elements that differ travel", kind="new")
    return sheet
