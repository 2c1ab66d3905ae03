"""Kill a run or a watch at random moments, again and again; a script of its own, for it forks.

``python kill_again.py run|watch KILLS SEED FOLDER`` prints how many kills there were and how many
times all batches were done in between, or ends with what was broken. ``run each SEED FOLDER``
kills before each file operation in turn, so that no moment between two of them is left out.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import time
from pathlib import Path

from coatcore.processes import multiprocessing as used_by_spread
from coatqc.report import write_report
from coatqc.running.many_batches import run_batches
from coatqc.running.notify import Hooks
from coatqc.running.watch import Pace, watch
from imaging import simulate_sem
from imaging.write import write_zeiss_tiff

REPORT = {"report.html", "report.json", "results.nc", "inputs.json"}
BATCHES = 4


def make(folder: Path) -> list[Path]:
    made = []
    for i in range(BATCHES):
        path = folder / "in" / str(i) / "batch.toml"
        path.parent.mkdir(parents=True)
        write_zeiss_tiff(simulate_sem(i, shape=(150, 200))[0], path.parent / "a.tif")
        path.write_text(
            f"schema_version = 1\nname = 'batch {i}'\n[samples.a]\nsem = 'a.tif'\n"
            "[[criteria]]\nquantity = 'sem.crack_area_fraction'\nsample = 'a'\nmax = 0.5\n"
        )
        made.append(path)
    return made


def check(output: Path, store: Path) -> int:
    """Number of reports, each of which is whole, as is the store."""
    folders = [p for p in output.glob("[!.]*") if p.name != "quarantine"]
    for folder in folders:
        found = {p.name for p in folder.iterdir()} - {"untold.json", "ro-crate-metadata.json"}
        assert found == REPORT, (folder, found)
        assert json.loads((folder / "report.json").read_text())["files"]
        assert (folder / "report.html").read_text("utf-8").endswith("</html>")
    assert not (output / "quarantine").exists()
    if store.exists():
        with sqlite3.connect(store) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            if connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name='coatqc_runs'"
            ).fetchone():
                names = [n for (n,) in connection.execute("SELECT batch FROM coatqc_runs")]
                assert len(names) == len(set(names)), names
                assert len(names) >= len(folders), (names, folders)
                ((rows,),) = connection.execute("SELECT count(*) FROM coatqc_results").fetchall()
                assert rows == len(names)
    return len(folders)


def once(what: str, folder: Path, output: Path, store: Path, told: Path) -> None:
    if what == "run":
        batches = sorted((folder / "in").glob("*/batch.toml"))
        run_batches(batches, output, write=write_report, store=str(store))
    else:
        watch(
            folder / "in",
            output,
            write=write_report,
            store=str(store),
            log=lambda *a, **k: None,
            pace=Pace(settle=0.0, interval=0.05),
            hooks=Hooks(command=f"tee -a {told}"),
            once=True,
        )


def child(*words: object) -> int:
    number = os.fork()
    if number == 0:
        os.setsid()
        try:
            once(*words)
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return number


def kill_before_each(folder: Path) -> None:
    """Kill before the first file operation of a run, before the second, and so on."""
    (batch, *_) = make(folder)
    run_batches([batch], folder / "warm", write=write_report, store=str(folder / "warm.sqlite"))
    steps: list[str] = []
    place = str(folder)
    for step in range(1000):
        output, store = folder / f"out{step}", folder / f"{step}.sqlite"
        number = os.fork()
        if number == 0:
            count = 0

            def hook(event: str, args: tuple[object, ...], step: int = step) -> None:
                nonlocal count
                if event == "open" and str(args[0]).startswith(place + "/in"):
                    return
                if (args and str(args[0]).startswith(place)) or event == "sqlite3.connect":
                    if count == step:
                        os.kill(os.getpid(), signal.SIGKILL)
                    count += 1

            sys.addaudithook(hook)
            try:
                run_batches([batch], output, write=write_report, store=str(store))
            except BaseException as error:
                print(error, file=sys.stderr)
                os._exit(1)
            os._exit(0)
        _, state = os.waitpid(number, 0)
        if state == 0:
            break
        assert os.WIFSIGNALED(state), state
        # Also when it is begun again, and not only then, is all whole.
        check(output, store)
        run_batches([batch], output, write=write_report, store=str(store))
        assert check(output, store) == 1, step
        with sqlite3.connect(store) as connection:
            assert connection.execute("SELECT count(*) FROM coatqc_runs").fetchone() == (1,)
        assert [p.name for p in output.glob(".*")] == [".locks"], step
        steps.append(str(step))
    print(json.dumps({"kills": len(steps)}))


def main(what: str, kills: int, seed: int, folder: Path) -> None:
    # Forked workers have all imports; the real ones are spawned.
    fork = multiprocessing.get_context("fork")
    used_by_spread.get_context = lambda name: fork
    made = make(folder)
    # All is imported and warm before the first fork: what is killed is the work itself.
    run_batches(made[:1], folder / "warm", write=write_report, store=str(folder / "warm.sqlite"))
    rng = random.Random(seed)
    killed = rounds = 0
    longest = 0.0
    while killed < kills or rounds == 0:
        output, store = folder / f"out{rounds}", folder / f"{rounds}.sqlite"
        told = folder / f"told{rounds}"
        while True:
            began = time.monotonic()
            number = child(what, folder, output, store, told)
            # The first child is left alone, to know how long it takes.
            limit = rng.uniform(0.0, longest) if longest and killed < kills else 120.0
            while (state := os.waitpid(number, os.WNOHANG)) == (0, 0):
                if time.monotonic() - began > limit:
                    os.kill(number, signal.SIGKILL)
                    killed += 1
                    state = os.waitpid(number, 0)
                    break
                time.sleep(0.002)
            if longest:
                check(output, store)
            if state[1] == 0:
                break
            assert os.WIFSIGNALED(state[1]), f"{what} ended by itself with {state[1]}"
        longest = longest or time.monotonic() - began
        assert check(output, store) == BATCHES
        left = [p.name for p in output.glob(".*") if p.name != ".locks"]
        assert not left, left
        with sqlite3.connect(store) as connection:
            assert connection.execute("SELECT count(*) FROM coatqc_runs").fetchone() == (BATCHES,)
        if what == "watch":
            for i in range(BATCHES):
                assert f'"batch": "batch {i}"' in told.read_text(), i
            assert not list(output.glob("*/untold.json"))
        rounds += 1
    print(json.dumps({"kills": killed, "rounds": rounds, "seconds_of_one": round(longest, 2)}))


if __name__ == "__main__":
    if sys.argv[2] == "each":
        kill_before_each(Path(sys.argv[4]))
        sys.exit()
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
