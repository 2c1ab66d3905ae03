"""What a technique says of itself is checked where it says it."""

from __future__ import annotations

import pytest

from coatcore import CoatqcError
from coatcore.quality import Role
from coatcore.quality.registry import designs, kinds, learnables, quantities, roles


@pytest.mark.parametrize("name", ["", "FTIR", "a b", "1a", "description", "files", "model_fields"])
def test_a_role_that_cannot_be_a_key_is_refused(name):
    with pytest.raises(CoatqcError, match="is no key for files in a batch"):
        Role(name=name, title="", kinds=())


def test_what_techniques_bring_fits_together():
    assert {kind for role in roles().values() for kind in role.kinds} <= set(kinds())
    assert {quantity.role for quantity in quantities().values()} <= set(roles())
    assert set(designs()) <= set(quantities())
    assert {name for each in learnables().values() for name in each.quantities} <= set(quantities())
