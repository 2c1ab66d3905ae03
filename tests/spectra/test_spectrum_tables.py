"""Tables of spectra, as Orange writes them."""

from __future__ import annotations

import numpy as np
import pytest

from coatcore import ReadError, read, validate


def test_real_table_agrees_with_orange(reference):
    # Orange3 3.40.0 with orange-spectroscopy 0.9.3.
    found = read(reference / "ir" / "collagen.csv")
    assert validate(found) == []
    assert found.attrs["reader"] == "orange_table"
    assert found.sizes == {"replicate": 731, "wavenumber": 234}
    x = found["wavenumber"].values
    assert x[[0, 1, -2, -1]].tolist() == [1801.264, 1797.407, 906.4177, 902.5606]
    assert found.values[0, :3].tolist() == [0.117, 0.118, 0.119]
    assert found.values[730, -3:].tolist() == [0.195, 0.192, 0.19]
    assert found.values[100, 100] == 0.349
    assert float(found.sum()) == pytest.approx(58661.658, abs=1e-6)
    kinds, counts = np.unique(found["type"].values, return_counts=True)
    assert dict(zip(kinds, counts, strict=True)) == {
        "DNA": 110,
        "collagen": 195,
        "glycogen": 212,
        "lipids": 214,
    }
    assert "no unit" in found.attrs["assumptions"]
    assert "ordinate is not named" in found.attrs["assumptions"]


NU = [f"{v:g}" for v in np.linspace(1800, 900, 10)]


def table(path, head: list[list[str]], rows: list[list[object]], delimiter: str = "\t"):
    lines = [*head, *[[str(v) for v in row] for row in rows]]
    path.write_text("\n".join(delimiter.join(line) for line in lines) + "\n")
    return path


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
@pytest.mark.parametrize(
    "head",
    [
        [["sample", "age", *NU]],
        [["cS#sample", "mC#age", *[f"C#{v}" for v in NU]]],
        [["cD#sample", "m#age", *NU]],
        [["sample", "age", *NU], ["s", "c", *["c"] * 10], ["meta", "meta", *[""] * 10]],
        [["sample", "age", *NU], ["a b", "continuous", *["c"] * 10], ["class", "meta"]],
    ],
)
def test_headers_of_orange(tmp_path, head, delimiter):
    rows = [["a", 3, *range(10)], ["b", 4.5, *range(10, 20)], ["a", "?", *range(20, 29), "?"]]
    found = read(table(tmp_path / "a.tab", head, rows, delimiter))
    assert validate(found) == []
    assert found.dims == ("replicate", "wavenumber")
    assert found["sample"].values.tolist() == ["a", "b", "a"]
    np.testing.assert_array_equal(found["age"].values, [3, 4.5, np.nan])
    assert found.values[1].tolist() == list(range(10, 20))
    assert np.isnan(found.values[2, -1])
    assert "1 missing ordinates are NaN" in found.attrs["assumptions"]


def test_a_column_named_by_a_number_can_be_no_wavenumber(tmp_path):
    head = [["m#2024", *NU]]
    found = read(table(tmp_path / "a.tab", head, [[7, *range(10)], [8, *range(10)]]))
    assert found.sizes["wavenumber"] == 10
    assert found["2024"].values.tolist() == [7, 8]


def grid(order, drop: int = 0) -> list[list[object]]:
    cells = [(x, y) for y in (0.0, 2.0) for x in (1.0, 1.5, 2.0)]
    return [[x, y, *[10 * x + y + k for k in range(10)]] for x, y in (cells[i] for i in order)][
        drop:
    ]


@pytest.mark.parametrize("head", [["map_x", "map_y"], ["mC#map_x", "mC#map_y"], ["", ""]])
def test_a_complete_grid_is_a_cube(tmp_path, head):
    found = read(table(tmp_path / "a.xyz", [[*head, *NU]], grid([3, 1, 5, 0, 2, 4])))
    assert validate(found) == []
    assert found.attrs["kind"] == "ir_cube"
    assert found.dims == ("y", "x", "wavenumber")
    assert found.shape == (2, 3, 10)
    assert found["map_x"].values.tolist() == [[1.0, 1.5, 2.0]] * 2
    assert found["map_y"].values.tolist() == [[0.0] * 3, [2.0] * 3]
    np.testing.assert_allclose(found[..., 0], 10 * found["map_x"] + found["map_y"])
    assert "count pixels" in found.attrs["assumptions"]


def test_an_incomplete_grid_is_a_series(tmp_path):
    found = read(table(tmp_path / "a.xyz", [["map_x", "map_y", *NU]], grid(range(6), drop=1)))
    assert found.dims == ("replicate", "wavenumber")
    assert found["map_x"].values.tolist() == [1.5, 2.0, 1.0, 1.5, 2.0]
    assert "no complete grid" in found.attrs["assumptions"]


@pytest.mark.parametrize(
    ("head", "row", "words"),
    [
        ([*NU, "s"], [*range(9), "x", "a"], "'x' among its ordinates"),
        ([*NU, "s"], [*range(8), "a"], "line 2 has 9 fields, the header 11"),
        ([*NU, "s"], [*range(9), "1e999", "a"], "too large"),
        ([*NU, "s"], [*range(10), "a" * 1001], "texts of up to 1001"),
        ([*NU, "s"], [*range(9), "1" * 101, "a"], "ordinate of 101 characters"),
        (["s", *NU * 3, NU[-1]], ["a", *range(31)], "no reader knows"),
        (["s", *[str(3000 - i) for i in range(40)], "2961"], ["a", *range(41)], "2961 stands at"),
    ],
)
def test_damaged_tables_of_spectra_are_told(tmp_path, head, row, words):
    with pytest.raises(ReadError, match=words):
        read(table(tmp_path / "a.tab", [head], [row]))
