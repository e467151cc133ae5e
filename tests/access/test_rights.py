"""What a token grants, held against a rule that is written down again, plainly."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.access.rights import EVERYTHING, OPEN, Grant, Need, Right, Rights
from lastword.errors import Forbidden

LETTERS = "ab-"
PATTERNS = st.text("ab-*?", min_size=1, max_size=4)
NAMES = st.text(LETTERS, min_size=1, max_size=5) | st.sampled_from(["_peers_", "_tokens_"])
RIGHTS = st.sampled_from([Right.READ, Right.WRITE, Right.ADMIN])
GRANTS = st.lists(st.builds(Grant, RIGHTS, PATTERNS), max_size=4).map(tuple)


@given(grants=GRANTS, right=RIGHTS, name=NAMES)
def test_a_right_is_had_by_a_grant_of_as_much_whose_pattern_matches(
    grants: tuple[Grant, ...], right: Right, name: str
) -> None:
    wanted = Right.ADMIN if name.startswith("_") else right
    had = any(
        fnmatchcase(name, grant.pattern) and grant.right.value >= wanted.value for grant in grants
    )
    rights = Rights(grants)
    assert rights.allows(right, name.encode()) == had
    if had:
        rights.check(right, name.encode())
    else:
        with pytest.raises(Forbidden, match=f"not the right {wanted.name.lower()} for"):
            rights.check(right, name.encode())


@given(grants=GRANTS, right=RIGHTS)
def test_what_is_about_the_node_takes_the_right_for_all_sets(
    grants: tuple[Grant, ...], right: Right
) -> None:
    had = any(grant.pattern == "*" and grant.right >= right for grant in grants)
    assert (Rights(grants).everywhere >= right) == had
    if had:
        Rights(grants).check_node(right)
    else:
        with pytest.raises(Forbidden, match="for all sets"):
            Rights(grants).check_node(right)


@given(grants=GRANTS, name=NAMES, more=st.builds(Grant, RIGHTS, PATTERNS), right=RIGHTS)
def test_a_further_grant_takes_nothing_away(
    grants: tuple[Grant, ...], name: str, more: Grant, right: Right
) -> None:
    before = Rights(grants).allows(right, name.encode())
    assert Rights((*grants, more)).allows(right, name.encode()) >= before


def test_nothing_is_granted_by_nothing_and_all_by_everything() -> None:
    for need in Need:
        EVERYTHING.check_node(need.right)
        EVERYTHING.check(need.right, b"_tokens_")
        OPEN.check(need.right, b"_peers_")
        with pytest.raises(Forbidden, match="checks no tokens"):
            OPEN.check(need.right, b"_tokens_")
    assert not Rights().allows(Right.READ, b"s")
