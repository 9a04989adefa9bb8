"""What somebody can take back and do again, however much there is of it, and with others in between."""

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language.document import Document
from flows.language.flat import flatten
from flows.language.merge import merge
from flows.models import Revision, history
from flows.models.history import FlowHistory
from tests.factories import make_flow
from tests.language.test_merge_of_any_edits import edited, versions


def test_everything_is_taken_back_and_done_again_however_long_ago(alice, monkeypatch):
    monkeypatch.setattr(history, "MOST_STEPS", 10)
    flow = make_flow(by=alice)
    last = flow.current
    for number in range(2, 41):
        made = {"document": last.document, "created_by": alice, "note": f"edit {number}"}
        last = Revision.objects.create(flow=flow, number=number, parent=last, **made)
    flow.move_head(last, base=1)

    for number in range(39, 0, -1):
        step = FlowHistory(flow).to_undo(alice.pk)
        assert step is not None
        flow.undo(base=step.number)
        assert flow.current.number == number
    assert FlowHistory(flow).to_undo(alice.pk) is None
    for number in range(2, 41):
        step = FlowHistory(flow).to_redo(alice.pk)
        assert step is not None
        assert step.number == number
        flow.redo(base=number - 1)
    assert FlowHistory(flow).to_redo(alice.pk) is None


def contents(document: Document) -> object:
    """All values, and what stands in which block; which of two neighbours is first may be decided by the other person."""
    flat = flatten(document)
    return flat.values, {place: sorted(row) for place, row in flat.blocks.items()}


@settings(max_examples=60)
@given(versions(), st.data())
def test_what_two_people_did_by_turns_is_taken_back_to_the_beginning(made, choose):
    """Each takes back their own, newest first, while that of the other is there; what collides is named, not lost."""
    base = made[0]
    states, authors = [base], []
    for _ in range(choose.draw(st.integers(1, 5))):
        states.append(choose.draw(st.composite(edited)(states[-1])))
        authors.append(choose.draw(st.sampled_from("AB")))
    current = states[-1]
    for author in choose.draw(st.permutations("AB")):
        for step in reversed(range(len(authors))):
            if authors[step] != author:
                continue
            merged = merge(states[step + 1], states[step], current)
            if merged.collisions:
                return
            current = merged.document
    assert contents(current) == contents(base)
