"""Accounts wait for the history, a bounded number of them."""

from __future__ import annotations

from edge.sinks.accounts import Accounts
from tests.web.fake_gate import an_account


def test_an_account_is_taken_once() -> None:
    """The history keeps it from then on."""
    accounts = Accounts()
    accounts.put({"a": an_account("AB12CDE")})
    found = accounts.take("a")
    assert found is not None and found.answer == "AB12CDE"
    assert accounts.take("a") is None


def test_only_so_many_wait() -> None:
    """The history may be slow, or its disk full."""
    accounts = Accounts(kept=3)
    for k in range(10):
        accounts.put({str(k): an_account(None)})
    assert [k for k in range(10) if accounts.take(str(k)) is not None] == [7, 8, 9]


def test_without_a_history_nothing_is_kept() -> None:
    """A gate without page would hold what nobody ever fetches: a third of a megabyte for every vehicle."""
    accounts = Accounts(kept=0)
    accounts.put({"1": an_account(None)})
    assert accounts.take("1") is None
