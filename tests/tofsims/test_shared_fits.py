"""What several criteria of a batch share is calibrated and fitted once."""

from __future__ import annotations

from collections import Counter

from coatcore.quality import Inputs, Memory
from coatcore.quality.registry import quantities
from tofsims import simulate_spectra
from tofsims.calibration import calibration
from tofsims.peaks import fit

LISTS = ({"fragment": "PO2-", "also": ["PS-"]}, {"fragment": "PO3-", "also": ["PSO-"]})


def test_each_spectrum_is_fitted_once_for_each_list_of_ions(monkeypatch):
    fits: Counter = Counter()
    scales: Counter = Counter()
    fitted, of_scale = fit._fitted, calibration.fit_mass_scale

    def counted(spectrum, names):
        fits[spectrum.attrs["number"], tuple(names)] += 1
        return fitted(spectrum, names)

    def counted_scale(spectrum, *rest, **more):
        scales[spectrum.attrs["number"]] += 1
        return of_scale(spectrum, *rest, **more)

    monkeypatch.setattr(fit, "_fitted", counted)
    monkeypatch.setattr(calibration, "fit_mass_scale", counted_scale)
    spectra, _ = simulate_spectra(1, n=4)
    spectra = [s.assign_attrs(number=i, sha256=f"{i:064d}") for i, s in enumerate(spectra)]
    memory, alone = Memory(), []
    for spectrum in spectra:
        memory.know(spectrum)
    for parameters in LISTS:
        for name in ("tofsims.normalized_intensity", "tofsims.intensity_ratio"):
            quantity = quantities()[name]
            sample, reference = spectra[:2], spectra[2:]
            inputs = Inputs(
                sample=sample,
                reference=reference if quantity.needs_reference else [],
                parameters=quantity.parameters(**parameters),
                memory=memory,
            )
            shared = quantity.measure(inputs).estimate
            alone.append((inputs, quantity, shared))
    assert set(fits.values()) == {1}
    assert len(fits) == len(spectra) * len(LISTS)
    assert scales == dict.fromkeys(range(4), 1)
    # And no number is another for that.
    for inputs, quantity, shared in alone:
        again = Inputs(
            sample=inputs.sample, reference=inputs.reference, parameters=inputs.parameters
        )
        assert quantity.measure(again).estimate.to_dict() == shared.to_dict()
