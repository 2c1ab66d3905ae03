"""What may stand in a batch file and in a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, create_model

from coatcore.quality.registry import roles


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Files = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_as_list)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]


class Strict(BaseModel):
    """A table in which an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class SampleFiles(Strict):
    """Files of one sample by role; each a path or glob, relative to the batch file.

    The roles are those of the installed techniques.
    """

    description: str = ""

    def files(self, role: str) -> list[str]:
        """Paths and patterns that are named in a role."""
        named: list[str] = getattr(self, role)
        return named


if TYPE_CHECKING:
    Sample = SampleFiles
else:
    Sample = create_model(
        "Sample",
        __base__=SampleFiles,
        __doc__=SampleFiles.__doc__,
        **{name: (Files, []) for name in roles()},
    )


class Observation(Strict):
    """A quantity that is measured and reported, but not judged."""

    quantity: Name
    sample: Name
    reference: Name | None = None
    title: str = ""
    parameters: dict[str, Any] = {}


class Criterion(Observation):
    """A quantity that is measured and judged against limits."""

    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)
    unit: str | None = None
    equals: str | None = None


class DecisionRule(Strict):
    """Risks that a verdict may take, as in `coatqc.judging.verdict.Decision`."""

    false_acceptance: float = Field(
        default=0.025,
        ge=1e-4,
        le=0.5,
        description="highest probability that a truth just beyond a limit is passed",
    )
    false_rejection: float = Field(
        default=0.025,
        ge=1e-4,
        le=0.5,
        description="highest probability that a truth just within the limits is failed",
    )


class Batch(Strict):
    """A batch file.

    Examples
    --------
    >>> batch = Batch(schema_version=1, name="A7", samples={"A7": {"ftir": "a.spa"}})
    >>> batch.samples["A7"].files("ftir")
    ['a.spa']
    """

    schema_version: Literal[1]
    name: Name
    description: str = ""
    simulated: StrictBool = False
    recipe: str = Field(
        default="", description="recipe of the product, beside which the rest stays"
    )
    decision: DecisionRule = DecisionRule()
    reference_batch: str = Field(
        default="", description="batch in the results store that others are compared with"
    )
    samples: dict[Name, Sample] = Field(min_length=1)
    references: dict[Name, Sample] = {}
    criteria: list[Criterion] = []
    observations: list[Observation] = []
    recipe_name: str = Field(default="", exclude=True)
    recipe_version: str = Field(default="", exclude=True)
    recipe_sha256: str = Field(default="", exclude=True)
    folder: Path = Field(default=Path(), exclude=True)
    sha256: str = Field(default="", exclude=True)

    def sample(self, name: str) -> Sample:
        """Sample or reference of that name."""
        return self.samples[name] if name in self.samples else self.references[name]


class Recipe(Strict):
    """A recipe: quantities with methods and limits, references, and the risks of a verdict.

    Examples
    --------
    >>> Recipe(schema_version=1, name="NCM", version="2").version
    '2'
    """

    schema_version: Literal[1]
    name: Name
    version: Name
    description: str = ""
    decision: DecisionRule = DecisionRule()
    reference_batch: str = Field(
        default="", description="batch in the results store that others are compared with"
    )
    references: dict[Name, Sample] = Field(default_factory=dict)
    criteria: list[Criterion] = Field(default_factory=list)
    observations: list[Observation] = Field(default_factory=list)
    folder: Path = Field(default=Path(), exclude=True)
    sha256: str = Field(default="", exclude=True)
