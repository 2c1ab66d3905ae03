"""Where water vapour and carbon dioxide absorb: line positions and relative strengths at 296 K."""

from __future__ import annotations

from functools import cache

import numpy as np

# Bending band of H2(16)O: position in cm-1 and strength in thousandths of the strongest line; lines
# above 2 % of it, closer ones than 0.3 cm-1 merged. Positions are those of a Watson (A-reduced)
# rotor through term values of Tennyson et al., J. Quant. Spectrosc. Radiat. Transf. 2013, 117, 29
# and HITRAN2016 (Gordon et al., ibid. 2017, 203, 3), which it meets within 0.002 cm-1; strong
# lines, which come from low J, are good to 0.02 cm-1, weak ones to some tenths. Strengths are
# those of a rigid dipole in that rotor. Both are ample beside a resolution of 1 cm-1 and more.
_WATER = """
1363.28 30, 1373.77 42, 1375.08 23, 1387.54 85, 1394.48 90, 1395.80 30, 1397.77 21,
1399.20 83, 1404.99 57, 1417.51 50, 1418.93 37, 1419.46 230, 1423.70 24, 1424.13 36,
1429.94 61, 1436.51 126, 1436.85 236, 1447.95 115, 1455.30 64, 1456.51 193, 1456.92 400,
1458.27 112, 1459.26 60, 1464.90 186, 1472.05 258, 1473.51 319, 1476.21 144, 1481.25 36,
1487.35 117, 1489.84 73, 1490.82 154, 1496.25 463, 1498.82 151, 1505.60 451, 1506.62 46,
1507.06 578, 1508.56 136, 1512.31 77, 1514.99 43, 1516.30 21, 1516.71 59, 1517.43 187,
1520.16 107, 1521.27 395, 1522.69 210, 1525.50 171, 1527.32 60, 1528.57 51, 1531.62 29,
1533.18 95, 1533.92 162, 1538.29 43, 1539.06 672, 1540.30 532, 1542.10 372, 1543.49 50,
1545.15 178, 1549.64 41, 1550.23 64, 1554.35 310, 1557.56 297, 1558.52 629, 1559.69 163,
1560.26 552, 1564.88 108, 1568.94 78, 1569.79 269, 1576.19 741, 1594.50 33, 1607.25 21,
1609.44 24, 1616.71 832, 1623.56 307, 1627.83 127, 1634.97 210, 1635.65 706, 1637.51 92,
1645.97 657, 1647.40 192, 1648.31 161, 1652.40 723, 1653.29 997, 1654.51 368, 1662.81 363,
1668.28 62, 1669.36 389, 1671.49 179, 1675.17 296, 1675.52 250, 1679.81 50, 1680.44 77,
1683.18 340, 1683.98 230, 1684.83 1000, 1688.37 80, 1690.14 95, 1695.46 246, 1695.93 838,
1697.53 76, 1699.57 45, 1699.93 799, 1700.65 520, 1701.15 82, 1704.46 275, 1706.35 233,
1710.20 70, 1714.03 134, 1715.15 220, 1717.40 673, 1718.68 360, 1723.49 70, 1729.95 113,
1730.34 22, 1732.06 23, 1733.39 449, 1734.60 718, 1737.62 25, 1739.84 453, 1743.07 111,
1743.61 37, 1744.58 30, 1745.79 37, 1747.10 111, 1747.75 38, 1748.66 143, 1749.41 79,
1751.00 123, 1751.43 271, 1756.82 163, 1758.52 20, 1761.83 302, 1768.20 194, 1771.29 282,
1772.72 845, 1775.64 64, 1780.66 114, 1785.03 94, 1790.96 110, 1792.67 596, 1795.80 39,
1796.13 35, 1799.62 189, 1801.48 31, 1802.49 54, 1810.63 117, 1825.22 223, 1829.13 111,
1830.13 326, 1837.18 35, 1844.25 805, 1847.77 51, 1866.38 52, 1867.90 145, 1869.36 369,
1889.58 196, 1895.21 67, 1907.95 31, 1909.95 63, 1918.03 405, 1922.28 38, 1923.14 94,
1942.58 221, 1945.34 21, 1946.37 24, 1966.22 27, 1967.40 81, 1988.25 34, 1991.43 150,
2016.35 55, 2040.65 24
"""


@cache
def water_lines() -> tuple[np.ndarray, np.ndarray]:
    """Lines of the bending band of water vapour, 1340 to 1990 cm-1.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Positions in cm-1, and strengths relative to the strongest line.

    Examples
    --------
    >>> position, strength = water_lines()
    >>> float(position[strength.argmax()])
    1684.83
    """
    rows = np.array([row.split() for row in _WATER.replace("\n", " ").split(",")], dtype=float)
    return rows[:, 0], rows[:, 1] / rows[:, 1].max()


@cache
def carbon_dioxide_lines() -> tuple[np.ndarray, np.ndarray]:
    """P and R branch of the asymmetric stretch of (12)C(16)O2.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Positions in cm-1, and strengths relative to the strongest line.

    References
    ----------
    Constants of Rothman et al., J. Quant. Spectrosc. Radiat. Transf. 1992, 48, 537; strengths
    are Honl-London factors times Boltzmann factors.

    Examples
    --------
    >>> position, strength = carbon_dioxide_lines()
    >>> float(position[strength.argmax()].round(1))
    2361.5
    """
    origin, lower, upper = 2349.1433, (0.39021894, 1.3337e-7), (0.38714140, 1.3303e-7)
    # Nuclear spin leaves only even J in the ground state.
    j = np.arange(0, 62, 2)
    terms = [
        b * k * (k + 1) - d * (k * (k + 1)) ** 2
        for (b, d), k in ((lower, j), (upper, j + 1), (upper, j[1:] - 1))
    ]
    boltzmann = np.exp(-terms[0] / (0.6950348 * 296.0))
    position = np.concatenate([origin + terms[1] - terms[0], origin + terms[2] - terms[0][1:]])
    strength = np.concatenate([(j + 1) * boltzmann, (j * boltzmann)[1:]])
    return position, strength / strength.max()
