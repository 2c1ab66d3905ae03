"""Make the committed demo batch again, bit for bit: `python data/make_demo.py`."""

from pathlib import Path

from coatqc.twin.demo import make_demo

if __name__ == "__main__":
    print(make_demo(Path(__file__).parent / "demo"))
