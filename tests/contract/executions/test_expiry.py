"""A submit that is too late is kept from its commit point, in both stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.errors import Conflict
from imagefactory.domain.execution import Phase
from imagefactory.testing import START

if TYPE_CHECKING:
    from imagefactory.domain.execution import Execution
    from tests.contract.executions.stores import Stores

UNTIL = START + timedelta(seconds=120)


def a_reservation(stores: Stores) -> Execution:
    return stores.reserved(phase=Phase.RESERVED, accepting_until=UNTIL)


def test_an_overdue_reservation_can_never_be_accepted(stores: Stores) -> None:
    late = a_reservation(stores)

    stores.reservations.expire(late.id, UNTIL)

    with pytest.raises(Conflict):
        stores.reservations.accept(replace(late, phase=Phase.ACCEPTED))
    assert stores.executions.get(late.id) is None
    assert stores.reservations.reserve(late).is_ours


def test_a_reservation_with_time_left_stays(stores: Stores) -> None:
    reserved = a_reservation(stores)

    stores.reservations.expire(reserved.id, UNTIL - timedelta(seconds=1))

    stores.reservations.accept(replace(reserved, phase=Phase.ACCEPTED))
    assert stores.executions.get(reserved.id) is not None


def test_an_execution_is_no_reservation(stores: Stores) -> None:
    accepted = stores.accepted()

    with pytest.raises(Conflict):
        stores.reservations.expire(accepted.id, UNTIL)

    assert stores.executions.get(accepted.id) is not None


def test_what_does_not_exist_is_left_so(stores: Stores) -> None:
    stores.reservations.expire("none", UNTIL)

    assert stores.executions.get("none") is None
