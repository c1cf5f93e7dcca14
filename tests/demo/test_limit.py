"""The limit slides, is kept per client, and counts refused calls too."""

from demo.limit import SlidingWindow


def test_calls_up_to_the_limit_are_let_in_and_the_next_is_refused():
    window = SlidingWindow(3, 10.0)
    assert [window.admit("a", at) for at in (0.0, 1.0, 2.0, 3.0)] == [True, True, True, False]
    assert window.most == 4


def test_the_window_slides_with_each_call():
    window = SlidingWindow(2, 10.0)
    assert window.admit("a", 0.0)
    assert window.admit("a", 6.0)
    assert window.admit("a", 10.5)
    assert not window.admit("a", 11.0)
    assert window.most == 3


def test_a_refused_call_counts_and_prolongs_the_refusal():
    window = SlidingWindow(1, 10.0)
    assert window.admit("a", 0.0)
    assert not window.admit("a", 9.0)
    assert not window.admit("a", 12.0)
    assert window.admit("a", 22.5)


def test_clients_do_not_share_a_window():
    window = SlidingWindow(1, 10.0)
    assert window.admit("a", 0.0)
    assert window.admit("b", 0.0)
    assert not window.admit("a", 1.0)
