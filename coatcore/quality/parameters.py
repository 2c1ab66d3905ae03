"""What quantities share: strict parameter models."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Parameters(BaseModel):
    """Base of all parameter models: an unknown key is a mistake.

    Examples
    --------
    >>> Parameters().model_dump()
    {}
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
