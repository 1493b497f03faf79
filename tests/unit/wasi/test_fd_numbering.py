"""Which numbers a restored table gives out: the free ones, never those of files that were not reopened."""

from __future__ import annotations

import pytest

from pywasm_sandbox._wasi import Fd, FdTable


def fd() -> Fd:
    return Fd(filetype=2, rights_base=0, rights_inheriting=0, stream=1)


def table(count: int) -> FdTable:
    table = FdTable(100)
    for _ in range(count):
        table.insert(fd())
    return table


@pytest.mark.parametrize("removed", [(), (4,), (2, 5), (6, 7)])
def test_a_twin_numbers_on_as_its_parent(removed: tuple[int, ...]) -> None:
    parent = table(8)
    for number in removed:
        parent.remove(number)
    assert parent.numbering() == (8, removed)
    twin = FdTable(100)
    twin.restore(parent.snapshot(), lambda location, writable: pytest.fail("there is no file"))
    twin.number_on(parent.numbering())
    assert [twin.insert(fd()) for _ in range(4)] == [parent.insert(fd()) for _ in range(4)]


def test_numbers_of_what_was_not_reopened_stay_unused() -> None:
    parent = table(8)
    parent.remove(5)
    kept = [state for state in parent.snapshot() if state.number not in (4, 7)]
    twin = FdTable(100)
    twin.restore(kept, lambda location, writable: pytest.fail("there is no file"))
    twin.number_on(parent.numbering())
    assert [twin.insert(fd()) for _ in range(3)] == [5, 8, 9]


def test_numbers_that_an_image_skipped_stay_unused() -> None:
    clone = table(4)
    clone.skip_to(9)
    twin = FdTable(100)
    twin.restore(clone.snapshot(), lambda location, writable: pytest.fail("there is no file"))
    twin.number_on(clone.numbering())
    assert twin.insert(fd()) == 9
