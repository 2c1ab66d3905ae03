"""Which cracks do the particles of an SEM cross-section have?"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from imaging.cracks.contact_gaps import Gaps, find_gaps
from imaging.cracks.fraction import crack_area_fraction, lost_contact
from imaging.cracks.kinds import KINDS
from imaging.cracks.marks import Marks, given_cracks, mark_cracks
from imaging.cracks.result import Cracks
from imaging.cracks.rows import COLUMNS, Row, crack_rows
from imaging.labels.data_bar import beside, find_data_bar
from imaging.labels.labels import pixel_size
from imaging.labels.requirements import in_its_own_pixels, in_its_unit, require_flat_image
from imaging.particles.close_ups import CloseUp, without_surroundings
from imaging.particles.cross_section import CrossSection, see_cross_section
from imaging.particles.parameters import CrackParameters
from imaging.particles.particles import particle_labels, particle_table
from imaging.particles.places import locate_particles
from imaging.particles.survey import look_at_each

# Difference of grey, as a share of the contrast of the phases, by which a bright region is unlike
# the others.
_UNLIKE = 0.3


# Width, nm, of the thinnest crack that would have been seen.
_THINNEST = 10.0


class _Seen(NamedTuple):
    view: CloseUp
    marks: Marks
    rows: list[Row]
    gaps: Gaps
    grey: float


def find_cracks(image: xr.DataArray, parameters: CrackParameters | None = None) -> Cracks:
    """Cracks inside the particles of a back-scattered electron cross-section.

    A crack is a thin dark line inside a particle that is darker than both its sides by a share
    of the contrast between particle and void, long, and not round. Its length is that of its
    skeleton. Its area is the missing brightness summed over the line and its blurred flanks:
    blur widens a line but keeps that sum. This assumes that a crack is as dark as a void, or as
    the electrolyte where the image shows no void; a crack that is narrower than the depth from
    which electrons come is less dark and its width understated. A crack is *intergranular* if it
    separates its particle into parts, *primary_particle* if it does not, and *undecided* where
    little is missing.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x) in nm, particles bright; of any size if its values are a dask array. Where
        the size of a pixel is not known, everything is measured in pixels.
    parameters : CrackParameters, optional
        Sizes and darkness.

    Returns
    -------
    Cracks

    Raises
    ------
    MeasurementError
        As `find_particles`, or if pixels are coarser than 100 nm, or fewer than two particles
        are seen.

    References
    ----------
    Shi et al., J. Mater. Chem. A 2025, 13, 2600, sections 2.7 and 4.5 (kinds of cracks).

    Examples
    --------
    >>> from imaging import simulate_sem
    >>> image, truth = simulate_sem(2)
    >>> found = find_cracks(image).crack_area_fraction
    >>> found.lower < truth.crack_area_fraction < found.upper
    True
    """
    section = see_cross_section(require_flat_image(image), parameters or CrackParameters())

    def look(view: CloseUp) -> _Seen:
        return _measured(view, section)

    return _result(section, look_at_each(section.frame, section.places, look), "find_cracks")


def measure_cracks(
    image: xr.DataArray,
    labels: xr.DataArray,
    cracks: xr.DataArray,
    parameters: CrackParameters | None = None,
) -> Cracks:
    """Everything that `find_cracks` gives, for particles and cracks that a person has drawn.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x).
    labels : xarray.DataArray
        Dims (y, x): numbers of particles, 0 outside.
    cracks : xarray.DataArray
        Dims (y, x): anything but 0 in cracks; what touches is one crack.
    parameters : CrackParameters, optional
        Of which only the kinds' limits, rim, curtains and grey of a void are used.

    Returns
    -------
    Cracks

    Raises
    ------
    MeasurementError
        If sizes do not agree, no particle is marked, or labels are no whole numbers.

    Examples
    --------
    >>> from imaging import find_cracks, simulate_sem
    >>> found = find_cracks(simulate_sem(2)[0])
    >>> again = measure_cracks(found.image, found.labels, found.crack_labels)
    >>> len(again.cracks) == len(found.cracks)
    True
    """
    parameters = parameters or CrackParameters()
    frame = require_flat_image(image)
    bar = find_data_bar(image)
    if bar is not None and labels.sizes["y"] == cracks.sizes["y"] == image.sizes["y"]:
        rows = beside(bar, image.sizes["y"])
        labels, cracks = labels.isel(y=rows), cracks.isel(y=rows)
    number = _numbers(labels, "the labels")
    drawn = _numbers(cracks, "the cracks") != 0
    if number.shape != frame.shape or drawn.shape != frame.shape:
        raise MeasurementError(
            f"the image is {frame.shape} pixels, the labels {number.shape} and the cracks "
            f"{drawn.shape}: expected the same"
        )
    present, number = np.unique(np.append(0, number), return_inverse=True)
    number = number[1:].reshape(frame.shape).astype(np.int32)
    present = present[present > 0]
    if present.size == 0:
        raise MeasurementError("no particle is marked in the labels")
    # Light and greys are told by what is bright, be it as small as what was drawn.
    smallest = np.bincount(number.ravel())[1:].min()
    drawn_diameter = pixel_size(frame)[0] * 2 * float(np.sqrt(smallest / np.pi))
    least = min(parameters.min_diameter, 0.5 * drawn_diameter)
    places = locate_particles(frame, replace(parameters, min_diameter=least))
    half = places.factor // 2
    solid = number[half :: places.factor, half :: places.factor]
    solid = np.pad(
        solid, [(0, a - b) for a, b in zip(places.solid.shape, solid.shape, strict=True)]
    )
    missing = np.setdiff1d(np.arange(1, present.size + 1), solid)
    if missing.size:
        raise MeasurementError(
            f"particle {present[missing[0] - 1]} is smaller than {places.factor} pixels: remove it "
            "or draw it larger"
        )
    places = replace(places, solid=solid, territory=solid)
    section = see_cross_section(frame, parameters, places)

    def look(view: CloseUp) -> _Seen:
        here = number[view.rows, view.columns]
        own = here == view.number
        view = replace(view, own=own, others=(here > 0) & ~own)
        return _measured(view, section, drawn[view.rows, view.columns])

    found = _result(section, look_at_each(frame, places, look), "measure_cracks")
    return _as_numbered(found, present, int((drawn & (number == 0)).sum()))


def _numbers(labels: xr.DataArray, what: str) -> np.ndarray:
    """Whole numbers of a label image, 0 or more."""
    if not isinstance(labels, xr.DataArray) or set(labels.dims) != {"y", "x"}:
        found = labels.dims if isinstance(labels, xr.DataArray) else type(labels).__name__
        raise MeasurementError(f"{what} are {found}, expected a DataArray with dims y and x")
    values = labels.transpose("y", "x").values
    if values.dtype.kind not in "buif" or not np.isfinite(values).all():
        raise MeasurementError(f"{what} hold {values.dtype} or missing values, expected numbers")
    if (values < 0).any() or (values != np.round(values)).any():
        raise MeasurementError(f"{what} hold negative or broken numbers, expected 0, 1, 2, ...")
    return values.astype(np.int64)


def _as_numbered(found: Cracks, numbers: np.ndarray, outside: int) -> Cracks:
    """Particles under the numbers that a person gave them, and what was left out."""
    back = np.append(0, numbers)
    tables = [
        table.assign(particle=back[table["particle"].to_numpy(int)])
        for table in (found.particles, found.cracks)
    ]
    notes = found.notes
    if outside:
        notes = (*notes, f"{outside} pixels of cracks lie outside particles and do not count")
    labels = found.labels.copy(data=back[found.labels.values])
    return replace(found, particles=tables[0], cracks=tables[1], labels=labels, notes=notes)


def _measured(view: CloseUp, section: CrossSection, drawn: np.ndarray | None = None) -> _Seen:
    gaps = find_gaps(view, section)
    # Gaps lie around a particle, cracks within it.
    view, part = without_surroundings(view)
    if drawn is None:
        marks = mark_cracks(view, section)
    else:
        marks = given_cracks(view, drawn[part], section)
    rows = crack_rows(view, marks, section)
    levels = section.levels
    # Grey of the particle's inside between electrolyte and usual particle: cracks too fine to
    # be seen one by one still darken it.
    inside = view.even[marks.inside]
    grey = (
        (float(inside.mean()) - levels.dark) / (levels.bright - levels.dark)
        if inside.size
        else np.nan
    )
    slim = replace(view, even=np.zeros((0, 0), np.float32), others=np.zeros((0, 0), bool))
    kept = replace(marks, missing=np.zeros((0, 0), np.float32), inside=np.zeros((0, 0), bool))
    return _Seen(view=slim, marks=kept, rows=rows, gaps=gaps, grey=grey)


def _result(section: CrossSection, looks: list[_Seen], step: str) -> Cracks:
    frame, parameters = section.frame, section.parameters
    labels = particle_labels(frame, [each.view for each in looks])
    marked = np.zeros(labels.shape, np.int32)
    rows: list[Row] = []
    for each in looks:
        here = each.marks.labels
        marked[each.view.rows, each.view.columns][here > 0] = here[here > 0] + len(rows)
        rows += [_placed(row, len(rows) + i, frame) for i, row in enumerate(each.rows, start=1)]
    cracks = pd.DataFrame(rows, columns=list(COLUMNS))
    particles = _with_cracks(particle_table(labels, frame), cracks, looks)
    particles, cracks = (in_its_unit(table, frame) for table in (particles, cracks))
    crack_labels = frame.copy(data=marked).rename("crack")
    crack_labels.attrs.update({"units": "1", "long_name": "crack number"})
    try:
        contact = lost_contact(particles)
    except MeasurementError:
        contact = None
    notes = []
    if not section.void_seen:
        notes.append(
            "no void is seen to tell its grey by: cracks are taken to be as dark as the "
            "electrolyte, and their widths are upper bounds"
        )
    grey = particles["relative grey"].to_numpy(float)
    unlike = int((np.abs(grey - np.nanmedian(grey)) > _UNLIKE).sum())
    if unlike > 0.2 * grey.size:
        notes.append(
            f"{unlike} of {grey.size} bright regions differ much in grey: look at the overlay "
            "whether they are particles of one material"
        )
    if frame.attrs.get("measured_in") == "pixel":
        notes.append("the size of a pixel is not known: everything is measured in pixels")
    return Cracks(
        crack_area_fraction=crack_area_fraction(
            particles, smallest_crack=_THINNEST * parameters.min_length
        ),
        lost_contact=contact,
        particles=particles,
        cracks=cracks,
        labels=add_history(in_its_own_pixels(labels), step, parameters=parameters),
        crack_labels=add_history(in_its_own_pixels(crack_labels), step, parameters=parameters),
        image=in_its_own_pixels(frame),
        parameters=parameters,
        notes=tuple(notes),
    )


def _placed(row: Row, number: int, frame: xr.DataArray) -> Row:
    """Row of a crack with its number in the image, and its place on the image's coordinates."""
    half = pixel_size(frame)[0] / 2
    y, x = (float(row[f"{a} / nm"]) + float(frame[a].values[0]) - half for a in ("y", "x"))
    return {**row, "crack": number, "y / nm": y, "x / nm": x}


def _with_cracks(particles: pd.DataFrame, cracks: pd.DataFrame, looks: list[_Seen]) -> pd.DataFrame:
    """Particles with what their cracks and gaps add up to."""
    table = particles.copy()
    number = table["particle"].to_numpy(int)
    owner = cracks["particle"].to_numpy(int)
    n = int(number.max()) + 1 if number.size else 1
    n = max(n, len(looks) + 1)

    def total(weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(owner, weights, minlength=n)[number]

    area = table["area / nm2"].to_numpy()
    table["crack area / nm2"] = np.minimum(total(cracks["area / nm2"].to_numpy(float)), area)
    table["crack area fraction"] = table["crack area / nm2"] / area
    table["cracks"] = total().astype(int)
    for kind in KINDS:
        table[kind] = total((cracks["kind"] == kind).to_numpy(float)).astype(int)
    table["cracked"] = table["cracks"] > 0
    length = total(cracks["length / nm"].to_numpy(float))
    table["crack length / nm"] = length
    table["crack length density / um-1"] = 1000 * length / area
    by_number = {each.view.number: each for each in looks}
    table["relative grey"] = [by_number[i].grey for i in number]
    table["outline judged / nm"] = [by_number[i].gaps.judged for i in number]
    table["outline without contact / nm"] = [by_number[i].gaps.lost for i in number]
    table["mean gap width / nm"] = [by_number[i].gaps.mean_width for i in number]
    return table
