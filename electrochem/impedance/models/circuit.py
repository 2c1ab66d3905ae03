"""Which circuit is meant by a line such as ``L0-R0-p(R1,CPE1)-TL1``, and what is its impedance?"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from coatcore.errors import MeasurementError
from electrochem.impedance.models.finite_space import finite_space_impedance
from electrochem.impedance.models.transmission_lines import transmission_line

# Parameters of each element: suffix, dimension, and value where it is fixed unless freed.
# Dimensions: R ohm, L H, C F, Q F s^(n-1), n 1, A ohm s^-1/2, s second.
_LINE = (
    ("R_ct", "R", None),
    ("R_ion", "R", None),
    ("R_ele", "R", 0.0),
    ("Q_int", "Q", None),
    ("n_int", "n", None),
    ("C_ion", "C", 0.0),
)
_SPACE = (("C_diff", "C", None), ("tau", "s", None), ("spread", "spread", 0.0))
ELEMENTS: dict[str, tuple[tuple[str, str, float | None], ...]] = {
    "R": (("", "R", None),),
    "C": (("", "C", None),),
    "L": (("", "L", None),),
    "CPE": (("Q", "Q", None), ("n", "n", None)),
    "W": (("", "A", None),),
    "Wo": (("R", "R", None), ("tau", "s", None)),
    "FSP": _SPACE,
    "FSC": _SPACE,
    "FSS": _SPACE,
    "TL": _LINE,
    "TLP": _LINE + _SPACE,
    "TLC": _LINE + _SPACE,
    "TLS": _LINE + _SPACE,
}
_GEOMETRY = {"P": "planar", "C": "cylinder", "S": "sphere"}
_OF_PARTICLES = ("_C_diff", "_tau", "_spread")
_TOKEN = re.compile(r"\s*(p\(|[A-Za-z]+\d*|[-,()])")


@dataclass(frozen=True)
class Circuit:
    """A circuit of elements in series (``-``) and in parallel (``p(a,b)``).

    Make one with `parse_circuit`.

    Parameters
    ----------
    text : str
        As given.
    names : tuple of str
        Parameters, in order.
    dimensions : tuple of str
        What each is: R, L, C, Q, n, A, s or spread.
    fixed : mapping of str to float
        Parameters that have a value unless they are freed.
    tree : tuple
        Of nodes ("series" | "parallel", nodes) and ("element", kind, name).

    Examples
    --------
    >>> parse_circuit("R0-p(R1,C1)").names
    ('R0', 'R1', 'C1')
    """

    text: str
    names: tuple[str, ...]
    dimensions: tuple[str, ...]
    fixed: Mapping[str, float]
    tree: tuple

    def impedance(
        self,
        angular_frequency: np.ndarray,
        values: Mapping[str, np.ndarray | float],
        particles: np.ndarray | None = None,
    ) -> np.ndarray:
        """Impedance at `angular_frequency`, rad/s.

        Parameters
        ----------
        angular_frequency : numpy.ndarray
            Shape (n,).
        values : mapping of str to float or numpy.ndarray
            Of every parameter; scalars, or of shape (m, 1) for m spectra at once.
        particles : numpy.ndarray, optional
            Impedance of the particles, shape (n,) or (m, n), instead of that of C_diff, tau and
            spread, which then need no values.

        Returns
        -------
        numpy.ndarray
            Complex, shape (n,) or (m, n).

        Examples
        --------
        >>> z = parse_circuit("R0-p(R1,C1)").impedance(np.array([1.0]),
        ...     {"R0": 1, "R1": 2, "C1": 0.5})
        >>> complex(z[0])
        (2-1j)
        """
        full = {**self.fixed, **values}
        if particles is not None:
            full |= {n: np.nan for n in self.names if n.endswith(_OF_PARTICLES)}
        if missing := [n for n in self.names if n not in full]:
            raise MeasurementError(
                f"{self.text}: no value of {', '.join(missing)}; give one of each parameter"
            )
        return _impedance(self.tree, np.asarray(angular_frequency, float), full, particles)


@functools.cache
def parse_circuit(text: str) -> Circuit:
    """Read a circuit in the notation of impedance.py.

    Parameters
    ----------
    text : str
        Elements joined by ``-`` in series and within ``p(,)`` in parallel. R, C, L, CPE, W
        (infinite Warburg) and Wo (finite space, planar) are as in impedance.py. FSP, FSC and FSS
        are finite-space Warburg elements of plates, cylinders and spheres with a spread of sizes.
        TL is the two-rail transmission line of a composite cathode, TLP, TLC and TLS with
        diffusion in its particles.

    Returns
    -------
    Circuit

    Raises
    ------
    MeasurementError
        If an element is unknown or named twice, or a bracket is missing.

    Examples
    --------
    >>> parse_circuit("L0-R0-p(R1,CPE1)-TL1").names[-6:]
    ('TL1_R_ct', 'TL1_R_ion', 'TL1_R_ele', 'TL1_Q_int', 'TL1_n_int', 'TL1_C_ion')
    """
    tokens, at = [], 0
    compact = text.strip()
    while at < len(compact):
        match = _TOKEN.match(compact, at)
        if match is None:
            raise MeasurementError(f"circuit {text!r}: {compact[at:][:10]!r} is not understood")
        tokens.append(match.group(1))
        at = match.end()
    tree, rest = _series(tokens, text)
    if rest:
        raise MeasurementError(f"circuit {text!r}: {rest[0]!r} is left over")
    names, dimensions, fixed = [], [], {}
    for kind, element in _elements(tree):
        for suffix, dimension, value in ELEMENTS[kind]:
            name = f"{element}_{suffix}" if suffix else element
            if name in names:
                raise MeasurementError(f"circuit {text!r}: {element} stands in it twice")
            names.append(name)
            dimensions.append(dimension)
            if value is not None:
                fixed[name] = value
    return Circuit(text, tuple(names), tuple(dimensions), MappingProxyType(fixed), tree)


def _series(tokens: list[str], text: str) -> tuple[tuple, list[str]]:
    nodes: list[tuple] = []
    while True:
        if not tokens:
            raise MeasurementError(f"circuit {text!r} ends where an element is expected")
        token, tokens = tokens[0], tokens[1:]
        if token == "p(":
            branches = []
            while True:
                node, tokens = _series(tokens, text)
                branches.append(node)
                if not tokens:
                    raise MeasurementError(f"circuit {text!r}: a bracket is not closed")
                token, tokens = tokens[0], tokens[1:]
                if token == ")":
                    break
                if token != ",":
                    raise MeasurementError(f"circuit {text!r}: found {token!r}, expected , or )")
            nodes.append(("parallel", tuple(branches)))
        else:
            kind = token.rstrip("0123456789")
            if kind not in ELEMENTS:
                raise MeasurementError(
                    f"circuit {text!r}: element {token!r} is unknown; known are "
                    f"{', '.join(ELEMENTS)}"
                )
            nodes.append(("element", kind, token))
        if not tokens or tokens[0] != "-":
            return ("series", tuple(nodes)), tokens
        tokens = tokens[1:]


def _elements(tree: tuple) -> list[tuple[str, str]]:
    if tree[0] == "element":
        return [(tree[1], tree[2])]
    return [pair for node in tree[1] for pair in _elements(node)]


def _impedance(
    tree: tuple,
    w: np.ndarray,
    values: Mapping[str, np.ndarray | float],
    particles: np.ndarray | None,
) -> np.ndarray:
    if tree[0] == "series":
        parts = [_impedance(node, w, values, particles) for node in tree[1]]
        return functools.reduce(np.add, parts)
    if tree[0] == "parallel":
        branches = [1 / _impedance(node, w, values, particles) for node in tree[1]]
        return 1 / functools.reduce(np.add, branches)
    kind, name = tree[1], tree[2]
    suffixes = [suffix for suffix, _, _ in ELEMENTS[kind]]
    own = [np.asarray(values[f"{name}_{s}" if s else name]) for s in suffixes]
    return _element(kind, w, particles, *own)


def _element(kind: str, w: np.ndarray, particles: np.ndarray | None, *v: np.ndarray) -> np.ndarray:
    if kind == "R":
        return v[0] + 0j * w
    if kind == "C":
        return 1 / (1j * w * v[0])
    if kind == "L":
        return 1j * w * v[0]
    if kind == "CPE":
        return 1 / (v[0] * _power(w, v[1]))
    if kind == "W":
        return v[0] * (1 - 1j) / np.sqrt(w)
    if kind == "Wo":
        return finite_space_impedance(w, v[1] / v[0], v[1])
    if kind.startswith("FS"):
        return _of_particles(kind, w, particles, *v)
    charge_transfer, ionic, electronic, q, n, c_ion, *space = v
    branch: np.ndarray = charge_transfer + 0j
    if space:
        branch = branch + _of_particles(kind, w, particles, *space)
    interface = 1 / (1 / branch + q * _power(w, n))
    rail = ionic / (1 + 1j * w * ionic * c_ion) if c_ion.any() else ionic
    return transmission_line(rail, electronic, interface)


def _of_particles(
    kind: str, w: np.ndarray, particles: np.ndarray | None, *v: np.ndarray
) -> np.ndarray:
    if particles is not None:
        return particles
    return finite_space_impedance(w, *v, geometry=_GEOMETRY[kind[2]])


def _power(w: np.ndarray, n: np.ndarray) -> np.ndarray:
    """(i w)^n without complex powers, which take most of a fit's time."""
    turn = np.pi / 2 * n
    return w**n * (np.cos(turn) + 1j * np.sin(turn))
