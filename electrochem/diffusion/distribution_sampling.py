"""Which distributions of diffusion lengths agree with a spectrum?

Capacity over ln L is taken as a lognormal distribution times the exponential of a smooth random
function (a Gaussian process) whose size the data tell: where they ask for nothing else the
distribution is lognormal, which is the regularisation. What agrees with the data is sampled, so
that intervals hold where a linearised least squares would not: a share is never negative, and a
tail that the data do not see may be anything that the prior allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from coatcore.errors import MeasurementError
from electrochem.impedance.batched_fit import fit_many, jacobian_of
from electrochem.impedance.models.finite_space import kernel
from electrochem.impedance.problem import Problem

# Of the random function, in ln L; shorter is not told by diffusion.
_CORRELATION = 0.5
# Its standard deviation, and the spread of the lognormal, lie within these (uniform in logarithm).
_SIZE = (0.02, 4.0)
_SPREAD = (0.03, 1.2)
_KEPT_VARIANCE = 0.995
# Sizes of the random function from which chains begin.
_FIRST, _BEGIN = 8, (0.05, 3.0)
_WALKERS_A_PARAMETER, _BURN, _KEPT = 4, 1 / 3, 100


@dataclass(frozen=True)
class SizeDraws:
    """Distributions that agree with the data.

    Parameters
    ----------
    shares : numpy.ndarray
        Of capacity, at each length; shape (draws, k), each row sums to 1.
    mixing : float
        Scatter between the halves of the chains over that within (split R-hat) of the mean
        logarithm of the length; near 1 where enough was drawn.

    Examples
    --------
    >>> SizeDraws(np.ones((2, 1)), 1.0).shares.shape
    (2, 1)
    """

    shares: np.ndarray
    mixing: float


def draw_sizes(
    problem: Problem,
    times: np.ndarray,
    geometry: str,
    begin: Mapping[str, float],
    *,
    median: float,
    spread: float,
    capacity: tuple[float, float],
    capacity_known: bool,
    seed: int = 0,
    steps: int = 3000,
) -> SizeDraws:
    """Sample distributions of capacity over diffusion times.

    Parameters
    ----------
    problem : Problem
        Of one spectrum; its circuit has one element of particles, whose own parameters are not
        used.
    times : numpy.ndarray
        tau = L^2 / D of the lengths, evenly spaced in the logarithm, shape (k,).
    geometry : str
        Of the particles.
    begin : mapping of str to float
        The other parameters that are fitted, and where they begin.
    median, spread : float
        Diffusion time, s, and standard deviation of ln L of the lognormal to begin with.
    capacity : (float, float)
        All capacity and its relative standard uncertainty, to begin with.
    capacity_known : bool
        Whether it is an observation too.
    seed : int
        Of the draws.
    steps : int
        That are kept, after a third as many that are not.

    Returns
    -------
    SizeDraws

    Notes
    -----
    Sampled by an ensemble of chains (Goodman and Weare, Commun. Appl. Math. Comput. Sci. 5 (2010)
    65; ter Braak, Stat. Comput. 16 (2006) 239), with the library emcee. The noise, of which sigma
    is only the shape, is integrated out, and so are the other parameters, as normal about the best
    fit.

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> from electrochem.impedance.models.finite_space import finite_space_impedance
    >>> w = np.logspace(-4, 0, 20)
    >>> z = 1 + finite_space_impedance(w, 2.0, 500.0, 0.3)[None, :]
    >>> noise = np.random.default_rng(1).normal(size=(2, 20))
    >>> z = z + 0.003 * abs(z) * (noise[0] + 1j * noise[1])
    >>> problem = Problem(parse_circuit("R0-FSP1"), w, z, 0.003 * np.abs(z))
    >>> times = 500 * np.exp(np.linspace(-3, 3, 30))
    >>> found = draw_sizes(problem, times, "planar", {"R0": 1.0}, median=500.0, spread=0.3,
    ...     capacity=(2.0, 0.05), capacity_known=False, steps=150)
    >>> 300 < float(np.exp((found.shares @ np.log(times)).mean())) < 800
    True
    """
    import emcee

    target = _Target(problem, times, geometry, tuple(begin), capacity, capacity_known)
    first = [float(problem.scaled(n, np.array(v))) for n, v in begin.items()]
    first += [np.log(capacity[0]), 0.5 * np.log(median), np.log(np.clip(spread, 0.06, 1.0))]
    start = target.settle(np.array(first), np.random.default_rng(seed))
    walkers, p = start.shape
    sampler = emcee.EnsembleSampler(
        walkers,
        p,
        target.log_probability,
        vectorize=True,
        moves=[(emcee.moves.StretchMove(), 0.6), (emcee.moves.DEMove(), 0.4)],
    )
    sampler.random_state = np.random.RandomState(seed).get_state()
    state = sampler.run_mcmc(start, int(steps * _BURN), skip_initial_state_check=True)
    sampler.reset()
    sampler.run_mcmc(state, steps, skip_initial_state_check=True)
    chain = sampler.get_chain(thin=max(1, steps // _KEPT))
    flat = chain.reshape(-1, p)
    x = target.log_shares(flat)
    shares = np.exp(x)
    middle = (shares @ np.log(times)).reshape(chain.shape[:2])
    return SizeDraws(shares, _split_r_hat(middle))


class _Target:
    """Posterior density of the circuit's parameters and of the distribution."""

    def __init__(
        self,
        problem: Problem,
        times: np.ndarray,
        geometry: str,
        names: tuple[str, ...],
        capacity: tuple[float, float],
        capacity_known: bool,
    ) -> None:
        self.problem, self.names = problem, names
        self.capacity, self.capacity_known = capacity, capacity_known
        s = np.sqrt(1j * problem.w[:, None] * times)
        self.admittance = (kernel(s, geometry) / times).T
        self.log_length = 0.5 * np.log(times)
        apart = self.log_length[:, None] - self.log_length
        values, vectors = np.linalg.eigh(np.exp(-0.5 * (apart / _CORRELATION) ** 2))
        values, vectors = values[::-1], vectors[:, ::-1]
        kept = int(np.searchsorted(np.cumsum(values) / values.sum(), _KEPT_VARIANCE)) + 1
        self.modes = (vectors[:, :kept] * np.sqrt(values[:kept])).T
        self.dimension = 4 + kept
        self.others, self.basis = np.empty(0), np.empty((0, 0))

    def log_shares(self, own: np.ndarray) -> np.ndarray:
        """Logarithm of normalised shares, shape (m, k)."""
        middle, spread, size = own[:, 1, None], np.exp(own[:, 2, None]), np.exp(own[:, 3, None])
        x = -0.5 * ((self.log_length - middle) / spread) ** 2 + size * (own[:, 4:] @ self.modes)
        x = x - x.max(axis=1, keepdims=True)
        return x - np.log(np.exp(x).sum(axis=1, keepdims=True))

    def _observed(self, others: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Residuals of the data and of what is known of the other parameters, shape (m, r)."""
        values = {n: v[0] for n, v in self.problem.fixed.items()}
        for j, name in enumerate(self.names):
            values[name] = self.problem.unscaled(name, others[:, j])[:, None]
        with np.errstate(all="ignore"):
            particles = np.exp(-own[:, 0, None]) / (np.exp(self.log_shares(own)) @ self.admittance)
            model = self.problem.circuit.impedance(self.problem.w, values, particles)
            r = (model - self.problem.data) / self.problem.sigma
        parts = [r.real, r.imag]
        for name, (known, spread) in self.problem.prior.items():
            if name in self.names:
                scale = known[0] if self.problem.dimension(name) in ("n", "spread") else 1.0
                away = others[:, [self.names.index(name)]] - self.problem.scaled(name, known[0])
                parts.append(away / (spread * scale))
        return np.concatenate(parts, axis=1)

    def _of_own(self, own: np.ndarray) -> list[np.ndarray]:
        """Residuals of the random function and of what is known of the capacity."""
        parts = [own[:, 4:]]
        if self.capacity_known:
            parts.append((own[:, [0]] - np.log(self.capacity[0])) / self.capacity[1])
        return parts

    def settle(self, first: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Fit at several sizes of the random function; draws with which chains begin.

        The other parameters are set to the best of these fits, and their slopes there are kept:
        they are integrated out as normal.
        """
        at = len(self.names)
        sizes = np.linspace(np.log(_BEGIN[0]), np.log(_BEGIN[1]), _FIRST)

        def parts(theta: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            size = sizes[which, None]
            return theta[:, :at], np.hstack([theta[:, at : at + 3], size, theta[:, at + 3 :]])

        def residuals(theta: np.ndarray, which: np.ndarray) -> np.ndarray:
            others, own = parts(theta, which)
            return np.concatenate([self._observed(others, own), *self._of_own(own)], axis=1)

        p = at + self.dimension - 1
        which = np.arange(_FIRST)
        begin = np.zeros((_FIRST, p))
        begin[:, : at + 3] = first
        theta, cost, _ = fit_many(residuals, begin, most=80)
        jacobian = jacobian_of(residuals, theta, which, residuals(theta, which))
        normal = np.einsum("krp,krq->kpq", jacobian, jacobian)
        normal = normal + 1e-6 * np.eye(p)
        evidence = -0.5 * (cost + np.linalg.slogdet(normal)[1])
        best = int(evidence.argmax())
        self.others = theta[best, :at]
        rows = self._observed(self.others[None], parts(theta[[best]], which[[best]])[1]).shape[1]
        self.basis = np.linalg.qr(jacobian[best, :rows, :at])[0]
        weight = np.exp(np.maximum(evidence - evidence.max(), -6.0))
        walkers = 2 * (_WALKERS_A_PARAMETER * self.dimension // 2)
        root = np.linalg.cholesky(normal).transpose(0, 2, 1)
        start = np.empty((0, self.dimension))
        for shrink in 0.8 ** np.arange(20):
            chosen = rng.choice(_FIRST, size=4 * walkers, p=weight / weight.sum())
            white = rng.normal(size=(chosen.size, p, 1))
            drawn = theta[chosen] + shrink * np.linalg.solve(root[chosen], white)[..., 0]
            own = parts(drawn, chosen)[1]
            own[:, 3] += rng.normal(size=chosen.size) * (sizes[1] - sizes[0]) / 2
            start = np.concatenate([start, own[np.isfinite(self.log_probability(own))]])
            if len(start) >= walkers:
                return start[:walkers]
        raise MeasurementError(f"{self.problem.circuit.text}: no distribution fits the spectrum")

    def cost(self, own: np.ndarray) -> np.ndarray:
        """Sum of squares of the data, the other parameters fitted to each; shape (m,)."""
        others = np.broadcast_to(self.others, (own.shape[0], self.others.size))
        r = self._observed(others, own)
        along = r @ self.basis
        return (r**2).sum(axis=1) - (along**2).sum(axis=1)

    def log_probability(self, own: np.ndarray) -> np.ndarray:
        """Logarithm of the posterior density, shape (m,)."""
        limits = (self.log_length[[0, -1]], np.log(_SPREAD), np.log(_SIZE))
        within = np.abs(own[:, 0]) < 60
        for j, (low, high) in enumerate(limits, start=1):
            within &= (own[:, j] > low) & (own[:, j] < high)
        out = np.full(own.shape[0], -np.inf)
        inside = own[within]
        if not inside.size:
            return out
        beside = np.concatenate(self._of_own(inside), axis=1)
        # Noise of unknown size, of prior density 1 / sigma.
        numbers = self.basis.shape[0] - self.basis.shape[1]
        found = -0.5 * (numbers * np.log(self.cost(inside)) + (beside**2).sum(axis=1))
        out[within] = np.where(np.isfinite(found), found, -np.inf)
        return out


def _split_r_hat(chain: np.ndarray) -> float:
    """Of values of shape (steps, walkers), each walker's chain cut in two."""
    half = chain.shape[0] // 2
    parts = np.concatenate([chain[:half], chain[half : 2 * half]], axis=1)
    within = parts.var(axis=0, ddof=1).mean()
    between = parts.mean(axis=0).var(ddof=1)
    return float(np.sqrt((half - 1) / half + between / within)) if within > 0 else 1.0
