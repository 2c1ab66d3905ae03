"""A batch's result without measuring."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from coatcore.estimate import Estimate
from coatcore.quality.quantity import Measurement
from coatqc.judging.run import BatchResult, Outcome
from coatqc.judging.verdict import judge
from coatqc.recipes import Batch


def make_batch_result(name: str, value: float, **more) -> BatchResult:
    """A result as `run_batch` makes it, of a number that need not be measured."""
    from coatcore.quality.registry import quantities

    raw = {
        "schema_version": 1,
        "name": name,
        "samples": {"a": {"sem": "a.tif"}},
        "criteria": [{"quantity": "sem.crack_area_fraction", "sample": "a", "max": 0.03}],
    }
    batch = Batch(**raw, **more)
    estimate = Estimate.from_standard_uncertainty(value, 0.002, unit="1", n=9)
    outcome = Outcome(
        item=batch.criteria[0],
        quantity=quantities()["sem.crack_area_fraction"],
        measurement=Measurement(estimate=estimate),
        verdict=judge(estimate, None, 0.03),
        conformance_probability=0.9,
    )
    return BatchResult(
        batch=batch,
        files=[],
        criteria=[outcome],
        observations=[],
        started="2026-01-01T00:00:00+00:00",
    )


@pytest.fixture
def batch_result():
    """Makes a result of a number that is not measured."""
    return make_batch_result


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory):
    """URL of a PostgreSQL server that lives as long as the tests; and a way to start it anew."""
    tools = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if os.name == "posix" else []
    initdb = shutil.which("initdb") or next((str(t / "initdb") for t in tools), None)
    if initdb is None:
        reason = "PostgreSQL is not installed (initdb is not found)"
        if os.environ.get("COATQC_REQUIRE_POSTGRESQL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("postgresql")
    user: list[str] = []
    if os.geteuid() == 0:
        # The server refuses to run as root.
        user = ["runuser", "-u", "postgres", "--"]
        for path in (folder, *folder.parents):
            if path.stat().st_mode & 0o001 == 0 and path != Path("/"):
                path.chmod(path.stat().st_mode | 0o011)
        folder = Path(f"/tmp/coatqc_pg_{os.getpid()}")
        folder.mkdir()
        shutil.chown(folder, "postgres")
    data = folder / "data"
    pg_ctl = str(Path(initdb).with_name("pg_ctl"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def control(what: str) -> None:
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
        command = [*user, pg_ctl, "-D", data, "-w", "-l", folder / "log", what]
        if what != "stop":
            command += ["-o", options]
        else:
            command += ["-m", "immediate"]
        subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, cwd="/")

    words = [*user, initdb, "-D", str(data), "-A", "trust", "-U", "coatqc", "-E", "UTF8"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd="/")
    control("start")
    try:
        yield f"postgresql+pg8000://coatqc@127.0.0.1:{port}/postgres", control
    finally:
        control("stop")
        if user:
            shutil.rmtree(folder)
