"""Drawings of how removed elements are forgotten, and of who missed it."""

from tools.drawings.canvas import Canvas


def collection() -> Canvas:
    """Draw when a tombstone may go: everyone covers it, and the grace period is over."""
    sheet = Canvas("collection", "The life of a tombstone", 760, 262)
    sheet.arrow((90, 214), (750, 214))
    for y, name, came, went in ((40, "a", 120, 520), (94, "b", 160, 560), (148, "c", 290, 650)):
        sheet.text(40, y + 22, f"node {name}", anchor="middle")
        sheet.line((90, y + 17), (came, y + 17), kind="faint")
        sheet.box(came, y, went - came, 34, "tombstone held", kind="gone")
        sheet.box(went, y, 740 - went, 34, "forgotten", kind="same")
    marks = (
        (120, "removed on a"),
        (290, "the last one knows"),
        (520, "7 days after it came to a"),
    )
    for x, says in marks:
        sheet.line((x, 206), (x, 222))
        sheet.text(x, 242, says, size="s", anchor="middle")
    sheet.text(90, 24, "Until c knows nobody forgets, else c would bring it back.", size="s")
    return sheet


def fence() -> Canvas:
    """Draw two nodes of which one missed what the other has forgotten."""
    sheet = Canvas("fence", "Two vectors keep apart nodes of which one is behind", 760, 236)
    sheet.box(20, 30, 260, 130, "", kind="plain")
    sheet.text(150, 56, "node a", size="b", anchor="middle")
    sheet.text(150, 86, "fig: forgotten", anchor="middle")
    sheet.text(150, 110, "seen  c: 9", anchor="middle")
    sheet.box(80, 120, 140, 30, "collected  c: 9", kind="gone")
    sheet.box(480, 30, 260, 130, "", kind="plain")
    sheet.text(610, 56, "node d, back after months", size="b", anchor="middle")
    sheet.text(610, 86, "fig: present", anchor="middle")
    sheet.box(540, 96, 140, 30, "seen  c: 4", kind="new")
    sheet.text(610, 148, "collected  nothing", anchor="middle")
    sheet.line((380, 20), (380, 170), kind="cut")
    sheet.arrow((280, 95), (372, 95))
    sheet.arrow((480, 95), (388, 95))
    sheet.text(
        380,
        196,
        "d's “seen” (4) does not cover a's “collected” (9): d is behind; nothing passes.",
        anchor="middle",
    )
    sheet.text(
        380,
        220,
        "Membership and clocks play no part in it: the two vectors are in every message.",
        size="s",
        anchor="middle",
    )
    return sheet


def afresh() -> Canvas:
    """Draw how a node that is behind begins a new file."""
    sheet = Canvas("afresh", "A node that is behind copies another and loses nothing", 760, 262)
    sheet.box(20, 20, 200, 64, "old file\ngoes on serving", kind="plain")
    sheet.box(540, 20, 200, 64, "another node", kind="mine")
    sheet.box(280, 110, 200, 64, "a copy, beside it", kind="new")
    sheet.arrow((540, 60), (440, 110))
    sheet.text(510, 104, "1. all that it holds", size="s")
    sheet.arrow((220, 60), (320, 110))
    sheet.text(84, 118, "2. each entry is offered:", size="s")
    sheet.text(84, 136, "what is newer is taken", size="s")
    sheet.arrow((380, 174), (380, 208))
    sheet.text(392, 194, "3. takes the place of the old file", size="s")
    sheet.box(280, 210, 200, 44, "the node, up to date", kind="same")
    sheet.arrow((280, 160), (180, 198))
    sheet.box(20, 200, 200, 54, "into a file: old adds of\nwhat was removed", kind="gone")
    return sheet
