"""How long do `import coatqc` and `coatqc --help` take, as a share of `import xarray`?

Each round runs the three in turn, so that a slow moment of the machine hits all of them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 9
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import xarray": ["-c", "import xarray"],
    "import coatqc": ["-c", "import coatqc"],
    "coatqc --help": ["-m", "coatqc.cli", "--help"],
}


def seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    for arguments in COMMANDS.values():
        seconds(arguments)
    rounds = [{name: seconds(a) for name, a in COMMANDS.items()} for _ in range(ROUNDS)]
    print(f"{'command':16}  median s  over import xarray")
    for name in COMMANDS:
        median = statistics.median(r[name] for r in rounds)
        ratio = statistics.median(r[name] / r["import xarray"] for r in rounds)
        print(f"{name:16}  {median:8.3f}  {ratio:18.2f}")


if __name__ == "__main__":
    main()
