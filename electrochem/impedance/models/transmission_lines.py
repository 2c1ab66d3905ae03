"""What is the impedance of a composite cathode of two rails, ions and electrons?"""

from __future__ import annotations

import numpy as np


def transmission_line(
    ionic: np.ndarray | float, electronic: np.ndarray | float, interface: np.ndarray
) -> np.ndarray:
    """Impedance of a porous electrode whose rails are joined by an interface all along.

    Ions enter from the separator, electrons from the current collector. With
    nu = sqrt((Zi + Ze) / Zint),

        Z = Zi Ze / (Zi + Ze) [1 + 2 / (nu sinh nu)] + (Zi^2 + Ze^2) / (Zi + Ze) coth(nu) / nu.

    Parameters
    ----------
    ionic, electronic : numpy.ndarray
        Impedance of each rail from end to end, ohm (or ohm cm2), real or complex; electronic may
        be 0.
    interface : numpy.ndarray
        Impedance of the whole interface between them, same unit, complex.

    Returns
    -------
    numpy.ndarray
        Broadcast of the inputs.

    References
    ----------
    Bisquert, J. Phys. Chem. B 106 (2002) 325; Siroma et al., J. Power Sources 316 (2016) 215.

    Examples
    --------
    Without electronic resistance and far within the line it is Gerischer's sqrt(Rct Rion):

    >>> z = transmission_line(np.array(100.0), np.array(0.0), np.array(3.24 + 0j))
    >>> round(float(z.real), 2)
    18.0
    """
    both = ionic + electronic
    nu = np.sqrt(both / interface)
    e = np.exp(-nu)
    # Without overflow: sinh and coth of large nu from exp(-nu).
    inverse_sinh = 2 * e / (1 - e**2)
    coth = (1 + e**2) / (1 - e**2)
    across = ionic * electronic / both * (1 + 2 * inverse_sinh / nu)
    return across + (ionic**2 + electronic**2) / both * coth / nu


def cathode_resistance(
    charge_transfer: np.ndarray | float,
    ionic: np.ndarray | float,
    electronic: np.ndarray | float,
) -> np.ndarray:
    """R_cathode = sqrt(R_ct (R_ion + R_ele)): equation 3 of Shi et al. (2025).

    It is the resistance at zero frequency only where R_ion + R_ele >> R_ct and R_ele << R_ion;
    `direct_current_resistance` is exact.

    Examples
    --------
    >>> float(cathode_resistance(3.24, 100.0, 0.0))
    18.0
    """
    return np.sqrt(np.asarray(charge_transfer) * (np.asarray(ionic) + electronic))


def direct_current_resistance(
    charge_transfer: np.ndarray | float,
    ionic: np.ndarray | float,
    electronic: np.ndarray | float,
) -> np.ndarray:
    """Resistance of the two-rail line at zero frequency.

    Examples
    --------
    >>> round(float(direct_current_resistance(18.0, 18.0, 0.0)), 1)
    23.6
    """
    return np.real(transmission_line(ionic, electronic, np.asarray(charge_transfer) + 0j))
