"""The tags of a DigitalMicrograph file, .dm3 or .dm4, read without trusting any size in it.

The layout is public: https://personal.ntu.edu.sg/cbb/info/dmformat/
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from coatcore.errors import ReadError

# Codes of simple values: struct's letter.
_SIMPLE = {
    2: "h",
    3: "i",
    4: "H",
    5: "I",
    6: "f",
    7: "d",
    8: "b",
    9: "b",
    10: "B",
    11: "q",
    12: "Q",
}
_STRUCT, _STRING, _ARRAY = 15, 18, 20
_GROUP, _DATA = 20, 21
# An honest file keeps well below these.
_MAX_DEPTH, _MAX_TAGS, _MAX_INFO, _MAX_TEXT = 32, 200_000, 1000, 4096
# Arrays up to this many values are read with the tags; larger ones are left where they are.
_SMALL = 64


@dataclass(frozen=True)
class Stored:
    """An array that was left in the file.

    Examples
    --------
    >>> Stored(100, "f", 4, "<").code
    'f'
    """

    offset: int
    code: str
    count: int
    order: str


class _Tags:
    def __init__(self, file: BinaryIO, path: Path, size: int) -> None:
        self.file, self.path, self.size = file, path, size
        self.tags = 0
        self.long = False
        self.order = "<"

    def take(self, layout: str) -> Any:
        n = struct.calcsize(layout)
        raw = self.file.read(n)
        if len(raw) != n:
            raise ReadError(self.path, "ends within its tags: it is cut short or damaged")
        return struct.unpack(layout, raw)

    def whole(self) -> int:
        """A size: 4 bytes in .dm3, 8 in .dm4, always big-endian."""
        return int(self.take(">q" if self.long else ">i")[0])

    def group(self, depth: int) -> dict[str, Any]:
        if depth > _MAX_DEPTH:
            raise ReadError(self.path, f"has tags nested deeper than {_MAX_DEPTH}: it is damaged")
        self.take(">2B")
        count = self.whole()
        found: dict[str, Any] = {}
        for i in range(max(0, count)):
            self.tags += 1
            if self.tags > _MAX_TAGS:
                raise ReadError(self.path, f"has more than {_MAX_TAGS} tags: it is damaged")
            kind, length = self.take(">BH")
            name = self.file.read(length).decode("latin-1")
            if self.long:
                self.take(">q")
            if kind == _GROUP:
                value: Any = self.group(depth + 1)
            elif kind == _DATA:
                value = self.data()
            else:
                raise ReadError(self.path, f"has a tag of kind {kind}, expected 20 or 21")
            found[name or str(i)] = value
        return found

    def data(self) -> Any:
        if self.file.read(4) != b"%%%%":
            raise ReadError(self.path, "has a tag without its mark %%%%: it is damaged")
        n = self.whole()
        if not 0 < n <= _MAX_INFO:
            raise ReadError(self.path, f"describes a tag by {n} numbers: it is damaged")
        info = [int(v) for v in self.take(f">{n}{'q' if self.long else 'i'}")]
        kind = info[0]
        if kind in _SIMPLE:
            return self.take(self.order + _SIMPLE[kind])[0]
        if kind == _STRING and n == 2:
            return self.text(info[1])
        if kind == _STRUCT and n >= 3:
            return self.record(info)
        if kind == _ARRAY and n >= 3:
            return self.array(info)
        raise ReadError(self.path, f"has a value of kind {kind} that is not known")

    def text(self, length: int) -> str:
        raw = self.file.read(self.within(2 * length))
        return raw[: 2 * _MAX_TEXT].decode(
            "utf-16-le" if self.order == "<" else "utf-16-be", "replace"
        )

    def record(self, info: list[int]) -> tuple[Any, ...]:
        codes = self.codes(info)
        return tuple(self.take(self.order + "".join(codes)))

    def codes(self, info: list[int]) -> list[str]:
        """Letters of a structure: 15, name length, fields, then name length and kind of each."""
        fields = info[2]
        kinds = info[4 : 4 + 2 * fields : 2]
        if len(kinds) != fields or not set(kinds) <= set(_SIMPLE):
            raise ReadError(self.path, "has a structure that is not described in full")
        return [_SIMPLE[k] for k in kinds]

    def array(self, info: list[int]) -> Any:
        count = info[-1]
        if count < 0:
            raise ReadError(self.path, f"has an array of {count} values: it is damaged")
        if info[1] in _SIMPLE:
            codes = [_SIMPLE[info[1]]]
        elif info[1] == _STRUCT and len(info) >= 5:
            codes = self.codes(info[1:-1])
        else:
            raise ReadError(self.path, f"has an array of kind {info[1]} that is not known")
        each = struct.calcsize(self.order + "".join(codes))
        size = self.within(count * each)
        offset = self.file.tell()
        if len(codes) == 1 and count <= _SMALL:
            return self.take(f"{self.order}{count}{codes[0]}")
        self.file.seek(size, 1)
        return Stored(offset, codes[0] if len(codes) == 1 else "", count, self.order)

    def within(self, size: int) -> int:
        if size < 0 or self.file.tell() + size > self.size:
            raise ReadError(
                self.path,
                f"claims {size} bytes where {self.size - self.file.tell()} are left: it is cut "
                "short or damaged",
            )
        return size


def read_tags(path: Path) -> dict[str, Any]:
    """All tags of a file; large arrays as `Stored`.

    Parameters
    ----------
    path : pathlib.Path
        A .dm3 or .dm4 file.

    Returns
    -------
    dict
        Groups are dicts; what has no name is numbered.

    Raises
    ------
    ReadError
        If it is cut short, damaged, or of another version.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.dm3"
    >>> head = struct.pack(">3i2Bi", 3, 0, 1, 1, 0, 1)
    >>> tag = struct.pack(">BH", 21, 1) + b"a" + b"%%%%" + struct.pack(">2i", 1, 3)
    >>> _ = path.write_bytes(head + tag + struct.pack("<i", 7))
    >>> read_tags(path)
    {'a': 7}
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        tags = _Tags(file, path, size)
        version = tags.take(">i")[0]
        if version not in (3, 4):
            raise ReadError(path, f"is of version {version}, expected 3 or 4")
        tags.long = version == 4
        tags.whole()
        order = tags.take(">i")[0]
        if order not in (0, 1):
            raise ReadError(path, f"states byte order {order}, expected 0 or 1")
        tags.order = "<" if order == 1 else ">"
        return tags.group(0)
