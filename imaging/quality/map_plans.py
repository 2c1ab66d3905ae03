"""How large a map, how fine its steps, to see a hole in the coating or rule one out?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from pydantic import Field

from coatcore.errors import MeasurementError
from coatcore.quality.design import FAILED, Design, Fresh, Outcome, Pilot, drawn, judged
from coatcore.quality.parameters import Parameters
from coatcore.quality.quantity import Inputs, Measurement
from imaging.holes.pinholes import find_pinholes
from imaging.quality.nanoir import QUANTITIES
from imaging.simulating.nanoir_map import simulate_nanoir_map

# Log-normal spread of the simulated holes' diameters.
_SPREAD = 0.35


class MapSettings(Parameters):
    """What a map is like.

    Examples
    --------
    >>> MapSettings().pixel
    8.0
    """

    pixel: float = Field(default=8.0, gt=0.5, lt=200, description="step of the map, nm")
    hole: float = Field(default=60.0, gt=5, lt=1000, description="median hole diameter, nm")
    noise: float = Field(default=0.05, gt=0, lt=1, description="as a share of the signal")
    texture: float = Field(
        default=0.10, ge=0, lt=1, description="variation of the coating's signal, as a share"
    )
    unseen: float = Field(
        default=80.0, gt=0, le=1e5, description="largest hole to allow for where none is seen, nm"
    )
    tip_radius: float = Field(default=20.0, gt=0, le=1e3, description="nm")


class CoverageSettings(MapSettings):
    """The same, with the coverage that the sample is held against.

    Examples
    --------
    >>> CoverageSettings().against
    0.95
    """

    against: float = Field(default=0.95, gt=0.3, lt=1, description="coverage held against")


class FieldSettings(MapSettings):
    """The same for a field of fixed width, of which the steps are chosen.

    Examples
    --------
    >>> FieldSettings().field
    1.0
    """

    field: float = Field(default=1.0, gt=0.1, le=10, description="edge of the mapped field, um")


def _map(
    settings: MapSettings,
    points: int,
    coverage: float,
    rng: np.random.Generator,
    *,
    pixel: float,
    one: float = 0.0,
) -> xr.DataArray:
    return simulate_nanoir_map(
        drawn(rng),
        coverage=coverage,
        shape=(points, points),
        pixel=pixel,
        hole_diameter=one or settings.hole,
        holes="one" if one else "discs",
        noise=settings.noise,
        texture=settings.texture,
    )[0]


def _measured(settings: MapSettings, image: xr.DataArray, what: str) -> Measurement | None:
    quantity = next(q for q in QUANTITIES if q.name == f"nanoir_map.{what}")
    parameters = quantity.parameters(unseen=settings.unseen, tip_radius=settings.tip_radius)
    try:
        return quantity.measure(Inputs(sample=[image], reference=[], parameters=parameters))
    except MeasurementError:
        return None


def _points(settings: MapSettings, size: float) -> int:
    return max(16, round(1000 * size / settings.pixel))


def _coverage(
    settings: CoverageSettings,
    size: float,
    effect: float | None,
    rng: np.random.Generator,
    alpha: float,
) -> Outcome:
    held = settings.against + (effect or 0.0)
    image = _map(settings, _points(settings, size), held, rng, pixel=settings.pixel)
    found = _measured(settings, image, "coverage")
    if found is None or found.estimate is None:
        return FAILED
    return judged(found.estimate, settings.against, alpha=alpha)


def _ruled_out(
    what: str, settings: MapSettings, size: float, bare: float, limit: float, seed: int
) -> Outcome:
    rng = np.random.default_rng(seed)
    image = _map(settings, _points(settings, size), 1 - bare, rng, pixel=settings.pixel)
    found = _measured(settings, image, what)
    if found is None or found.estimate is None:
        return FAILED
    upper = found.estimate.upper
    # A limit has no width of its own; the limit itself tells how sharp the map is.
    return Outcome(upper <= limit, upper)


def _loss(
    settings: MapSettings,
    size: float,
    effect: float | None,
    rng: np.random.Generator,
    limit: float,
) -> Outcome:
    bare = limit if effect is None else 0.0
    return _ruled_out("coverage_loss_limit", settings, size, bare, limit, drawn(rng))


def _density(
    settings: MapSettings,
    size: float,
    effect: float | None,
    rng: np.random.Generator,
    limit: float,
) -> Outcome:
    bare = _bare_share(settings, limit) if effect is None else 0.0
    return _ruled_out("pinhole_density_limit", settings, size, bare, limit, drawn(rng))


def _bare_share(settings: MapSettings, density: float) -> float:
    """Share that holes of a density (um-2) leave bare: Boolean model."""
    area = np.pi / 4 * (settings.hole / 1000) ** 2 * np.exp(2 * _SPREAD**2)
    return float(-np.expm1(-density * area))


def _pinhole(
    settings: FieldSettings,
    size: float,
    effect: float | None,
    rng: np.random.Generator,
    alpha: float,
) -> Outcome:
    points = round(size)
    pixel = 1000 * settings.field / points
    image = _map(settings, points, 1.0, rng, pixel=pixel, one=effect or 0.0)
    found = _measured(settings, image, "smallest_detectable")
    if found is None or found.table is None or found.estimate is None:
        return FAILED
    return Outcome(len(found.table) > 0, (found.estimate.upper - found.estimate.lower) / 2)


def _coverage_levels(settings: CoverageSettings, effect: float) -> tuple[float, float]:
    held = settings.against + effect
    if not 0.3 < held <= 1 or effect == 0:
        raise MeasurementError(
            f"effect is {effect:g}, so the coverage would be {held:g}; expected above 0.3 and up "
            f"to 1, other than against = {settings.against:g}"
        )
    return settings.against, held


def _loss_levels(settings: MapSettings, effect: float) -> tuple[float, float]:
    if not 0 < effect < 0.5:
        raise MeasurementError(f"effect is {effect:g}, expected a share of 0 to 0.5 to rule out")
    return effect, 0.0


def _density_levels(settings: MapSettings, effect: float) -> tuple[float, float]:
    if not effect > 0 or _bare_share(settings, effect) > 0.5:
        raise MeasurementError(
            f"effect is {effect:g} um-2, expected a density to rule out, above 0, at which holes "
            "of that size leave more than half covered"
        )
    return effect, 0.0


def _pinhole_levels(settings: FieldSettings, effect: float) -> tuple[float, float]:
    if not 0 < effect < 250 * settings.field:
        raise MeasurementError(
            f"effect is {effect:g} nm, expected a diameter of 0 to a quarter of the field "
            f"({250 * settings.field:g} nm)"
        )
    return 0.0, effect


def _pilot(arrays: Sequence[xr.DataArray], settings: MapSettings) -> Pilot:
    if len(arrays) != 1:
        raise MeasurementError(f"one map is taken as pilot, found {len(arrays)}")
    found = find_pinholes(arrays[0], unseen=settings.unseen, tip_radius=settings.tip_radius)
    level, noise = found.seen.coating.value, found.seen.bare.scatter
    texture = float(np.sqrt(max(0.0, found.seen.coating.scatter**2 - noise**2)))
    x = arrays[0]["x"].values
    told = {
        "noise": noise / level,
        "texture": texture / level,
        "pixel": float(abs(x[-1] - x[0]) / (x.size - 1)),
    }
    if isinstance(settings, FieldSettings):
        told.pop("pixel")
    words = ", ".join(f"{name} {value:.3g}" for name, value in told.items())
    return Pilot(told, (f"{words} from the pilot map",))


_ASSUMES = (
    "holes are discs that fall independently of each other, of log-normal diameters about "
    "`hole`; level, prepared map; signal, noise and tip as in imaging.simulate_nanoir_map"
)
_EDGES = tuple(round(0.1 * i, 1) for i in range(2, 42))
_POINTS = tuple(float(n) for n in range(16, 513, 8))

NANOIR = (
    Design(
        quantity="nanoir_map.coverage",
        variable="edge of a square map with steps of {pixel:g} nm",
        size_unit="um",
        sizes=_EDGES,
        effect="distance of the coverage from `against`, unit 1",
        seen="the 95 % interval leaves out the coverage held against",
        assumes=_ASSUMES,
        settings=CoverageSettings,
        levels=_coverage_levels,
        source=Fresh(_coverage),
        pilot=_pilot,
    ),
    Design(
        quantity="nanoir_map.coverage_loss_limit",
        variable="edge of a square map with steps of {pixel:g} nm",
        size_unit="um",
        sizes=_EDGES,
        effect="share of bare area to rule out, unit 1",
        seen="on a closed coating, the 95 % upper limit of the loss lies at the effect or below; a "
        "false alarm is the same on a coating that loses just so much",
        assumes=_ASSUMES,
        settings=MapSettings,
        levels=_loss_levels,
        source=Fresh(_loss),
        pilot=_pilot,
    ),
    Design(
        quantity="nanoir_map.pinhole_density_limit",
        variable="edge of a square map with steps of {pixel:g} nm",
        size_unit="um",
        sizes=_EDGES,
        effect="density of holes to rule out, um-2",
        seen="on a closed coating, the 95 % upper limit of the density lies at the effect or "
        "below; a false alarm is the same on a coating with just so many holes",
        assumes=_ASSUMES,
        settings=MapSettings,
        levels=_density_levels,
        source=Fresh(_density),
        pilot=_pilot,
    ),
    Design(
        quantity="nanoir_map.smallest_detectable",
        variable="points along a field of {field:g} um",
        size_unit="1",
        sizes=_POINTS,
        effect="diameter of a single pinhole, nm",
        seen="a pinhole is found; a false alarm is one that is found in a closed coating",
        assumes=_ASSUMES,
        settings=FieldSettings,
        levels=_pinhole_levels,
        source=Fresh(_pinhole),
        pilot=_pilot,
        meaning=lambda s, size: f"steps of {1000 * s.field / size:.2g} nm",
    ),
)
