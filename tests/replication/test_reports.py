"""What members said that they cover: never more than was said, though maybe less."""

from hypothesis import given
from hypothesis import strategies as st

from lastword.replication.entries import MemberReport
from lastword.replication.knowledge import History, Vouched
from lastword.replication.reports import Report
from lastword.replication.vectors import GrowingVector, Vector, covers_all, vector_hash

VECTORS = st.dictionaries(st.integers(1, 3), st.integers(1, 6), max_size=3)


def test_a_whole_vector_is_taken_as_it_was_said() -> None:
    report = Report()
    report.take(5, Vouched(0, {1: 2}), vector_hash({1: 2}), GrowingVector({1: 9}))
    assert (report.run, report.entries) == (5, {1: 2})


def test_what_changed_is_added_to_what_was_said_before() -> None:
    report = Report()
    before = vector_hash({1: 2, 2: 2})
    report.take(5, Vouched(0, {1: 2, 2: 2}), before, GrowingVector())
    report.take(5, Vouched(before, {2: 3}), vector_hash({1: 2, 2: 3}), GrowingVector())
    assert report.entries == {1: 2, 2: 3}


def test_what_changed_counts_for_nothing_without_what_it_was_added_to() -> None:
    report = Report()
    report.take(5, Vouched(78, {2: 3}), 79, GrowingVector({1: 9, 2: 9}))
    assert (report.run, report.entries) == (0, {})


def test_what_changed_of_another_run_counts_for_nothing() -> None:
    report = Report()
    before = vector_hash({1: 2})
    report.take(5, Vouched(0, {1: 2}), before, GrowingVector())
    report.take(6, Vouched(before, {1: 3}), vector_hash({1: 3}), GrowingVector())
    assert (report.run, report.entries) == (5, {1: 2})


def test_a_vector_that_is_this_nodes_own_is_taken_from_there() -> None:
    own = GrowingVector({1: 2, 2: 3})
    report = Report()
    report.take(5, Vouched(own.state.hash, {}), own.state.hash, own)
    own.grow({1: 9})
    assert report.entries == {1: 2, 2: 3}


def test_a_vector_that_was_this_nodes_own_and_has_grown_since_is_not_taken() -> None:
    own = GrowingVector({1: 2})
    said = own.state.hash
    own.grow({1: 3})
    report = Report()
    report.take(5, Vouched(said, {}), said, own)
    assert report.entries == {}


def test_a_member_without_a_word_covers_nothing() -> None:
    assert Report().entries == {}


def test_silence_is_counted_while_this_file_is_served_and_over_starts() -> None:
    report = Report()
    assert report.silent_us(1_000) == 0
    assert report.silent_us(1_500) == 500
    kept = report.as_kept(1_600)
    assert kept == MemberReport(0, {}, 600)
    again = Report.kept(kept)
    assert again.silent_us(70) == 600  # another start, by another clock
    assert again.silent_us(170) == 700
    again.heard(200)
    assert again.silent_us(250) == 50


@given(VECTORS, st.integers(0, 9))
def test_a_report_survives_a_start_but_for_the_hash(entries: Vector, run: int) -> None:
    report = Report()
    report.take(run, Vouched(0, entries), vector_hash(entries), GrowingVector())
    kept = Report.kept(report.as_kept(0))
    assert (kept.run, kept.entries) == (run, entries)
    kept.take(run, Vouched(vector_hash(entries) or 1, {4: 4}), 5, GrowingVector())
    assert kept.entries == entries


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), VECTORS),
        st.tuples(st.just("grow"), VECTORS),
        st.tuples(st.just("own"), VECTORS),
        st.tuples(st.sampled_from(["lost", "restart", "wipe", "adopt"]), st.just({})),
    ),
    max_size=25,
)


@given(STEPS)
def test_a_report_never_has_more_than_its_member_said(
    steps: list[tuple[str, dict[int, int]]],
) -> None:
    """The member vouches as a giver does; its words are lost, it restarts, its disk is wiped."""
    member, history, run = GrowingVector(), History(), 1
    own, report, said = GrowingVector(), Report(), dict[int, int]()
    for step, vector in steps:
        if step in {"say", "lost"}:
            member.grow(vector)
            vouched = history.vouch(member, member.state, report.hash, own.state.hash)
            if step == "say":
                said = dict(member)
                report.take(run, vouched, member.state.hash, own)
        elif step == "grow":
            member.grow(vector)
        elif step == "own":
            own.grow(vector)
        elif step == "adopt":
            own.grow(member)
        else:
            history, run = History(), run + 1
            member = GrowingVector() if step == "wipe" else member
        assert covers_all(said, report.entries)
