"""The pages in a real browser: clicks, keys, paper, and those who see or hear them otherwise."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
from pathlib import Path

import pandas as pd
import pypdf
import pytest

from coatcore import MeasurementError
from coatqc.judging.summary import Summary
from coatqc.report.overview_page import write_overview
from coatqc.report.pdf import find_browser, write_pdf
from coatqc.report.trend_page import write_trend
from coatqc.trends.trend import trends

AXE = "axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations))"


@pytest.fixture(scope="module")
def overview(tmp_path_factory):
    """A page of 3,000 batches, one of them hostile."""
    verdicts = ("pass", "fail", "inconclusive", "not measured")

    def summary(i):
        name = "<img src=x onerror=alert(1)>" if i == 7 else f"batch {i}"
        criteria = tuple(
            {"title": f"criterion {k}", "measured": f"{i % 97}.{k}(2) nm", "limit": "≤ 5 nm",
             "verdict": "pass"}
            for k in range(6)
        )  # fmt: skip
        verdict = verdicts[i % 4]
        return Summary(
            f"{i}.toml", name, f"b {i}#?", verdict, "", False, recipe="NCM 2", criteria=criteria
        )

    return write_overview(map(summary, range(3000)), tmp_path_factory.mktemp("o") / "overview.html")


@contextlib.contextmanager
def shown(browser, path, width=1280, dark=False, script=True):
    """A page in the browser as a reader has it."""
    command = browser.execute_cdp_cmd
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    command("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    command("Emulation.setEmulatedMedia", {"features": [scheme]})
    command("Emulation.setScriptExecutionDisabled", {"value": not script})
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(Path(path).as_uri())
    try:
        yield browser.execute_script
    finally:
        command("Emulation.setScriptExecutionDisabled", {"value": False})
        command("Emulation.setEmulatedMedia", {"features": []})


def keys(browser, *pressed):
    from selenium.webdriver import ActionChains

    ActionChains(browser).send_keys(*pressed).perform()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_no_violation(browser, report, tmp_path, width, dark):
    import axe_core_python

    axe = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text("utf-8")
    criterion = {"title": "t", "measured": "1(1)", "limit": "", "verdict": "pass"}
    one = Summary("a.toml", "A7", "A7", "pass", "", False, criteria=(criterion,))
    rows = [
        {
            "started": "2026-01-01",
            "batch": f"b{i}",
            "title": "thickness",
            "recipe": "r",
            "quantity": "q",
            "sample": "s",
            "reference": "",
            "parameters": "{}",
            "unit": "nm",
            "value": 2 + i % 3 + 9 * (i == 9),
            "lower": 1.0,
            "upper": 3.0,
            "verdict": "pass",
            "minimum": 1.0,
            "maximum": None,
            "replicates": (1.0, 2.0, 3.5 + i),
            "of_reference": True,
        }
        for i in range(10)
    ]
    pages = [
        report / "report.html",
        write_overview([one], tmp_path / "overview.html"),
        write_trend(trends(pd.DataFrame(rows)), tmp_path / "trend.html"),
    ]
    for path in pages:
        with shown(browser, path, width, dark) as run:
            run(axe)
            found = browser.execute_async_script(f"const done = arguments[0]; {AXE}")
            assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found] == [], path
            assert run("return document.documentElement.scrollWidth") <= width
            back = run("return getComputedStyle(document.body).backgroundColor")
            assert (back == "rgb(255, 255, 255)") != dark


def test_no_request_and_no_complaint(browser, report, overview):
    for path in (report / "report.html", overview):
        with shown(browser, path):
            assert browser.get_log("browser") == []
            sent = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
            urls = [
                m["params"]["request"]["url"]
                for m in sent
                if m["method"] == "Network.requestWillBeSent"
            ]
            assert [u for u in urls if not u.startswith(("file:", "data:", "chrome"))] == []


def test_a_figure_is_enlarged_and_the_reader_comes_back_to_it(browser, report):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    with shown(browser, report / "report.html") as run:
        opener = browser.find_elements(By.CSS_SELECTOR, "figure .zoom")[1]
        run("arguments[0].focus()", opener)
        keys(browser, Keys.ENTER)
        scale = "return parseFloat(document.querySelector('.viewer img').dataset.scale)"
        assert run("return document.querySelector('dialog.viewer').open")
        assert run("return document.activeElement.textContent") == "Close"
        keys(browser, "+", "+")
        assert run(scale) == pytest.approx(1.96)
        keys(browser, "-", Keys.ARROW_LEFT)
        assert run(scale) == pytest.approx(1.4)
        assert "translate(60px" in run("return document.querySelector('.viewer img').style.cssText")
        keys(browser, "0")
        assert run(scale) == 1
        run(
            "document.querySelector('.stage').dispatchEvent(new WheelEvent('wheel',"
            "{deltaY: -400, clientX: 300, clientY: 300, cancelable: true}))"
        )
        assert run(scale) == pytest.approx(2.718, abs=0.01)
        shown_at = run("return document.querySelector('.viewer img').getBoundingClientRect().width")
        assert shown_at > 1280
        keys(browser, Keys.ESCAPE)
        assert not run("return document.querySelector('dialog.viewer').open")
        assert run("return document.activeElement === arguments[0]", opener)
        # The mouse does as the keyboard does.
        run("arguments[0].click()", opener)
        assert run("return document.querySelector('dialog.viewer').open")
        browser.find_element(By.CSS_SELECTOR, ".viewer button").click()
        assert not run("return document.querySelector('dialog.viewer').open")


def column(run, table, number):
    rows = f"document.querySelectorAll('{table} tbody tr')"
    return run(f"return [...{rows}].filter(r => !r.hidden).map(r => r.cells[{number}].textContent)")


def test_tables_are_sorted_and_filtered(browser, overview):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    with shown(browser, overview) as run:
        heads = browser.find_elements(By.CSS_SELECTOR, "#batches th button")
        heads[4].click()
        values = [float(v.split("(")[0]) for v in column(run, "#batches", 4)]
        assert values == sorted(values)
        assert run("return document.querySelectorAll('th')[4].ariaSort") == "ascending"
        heads[4].click()
        assert [float(v.split("(")[0]) for v in column(run, "#batches", 4)] == values[::-1]
        heads[0].click()
        names = column(run, "#batches", 0)
        assert names[1:4] == ["batch 0", "batch 1", "batch 2"]
        box = browser.find_element(By.CSS_SELECTOR, "input[type=search]")
        box.send_keys("batch 123")
        WebDriverWait(browser, 10).until(lambda _: len(column(run, "#batches", 0)) < 3000)
        found = column(run, "#batches", 0)
        # Each word somewhere in the row.
        assert "batch 123" in found
        assert "batch 124" not in found
        assert run("return document.querySelector('[role=status]').textContent") == (
            f"{len(found)} of 3000 shown"
        )
        # Only what failed.
        for tick in browser.find_elements(By.CSS_SELECTOR, "input[type=checkbox]"):
            if "fail" not in tick.find_element(By.XPATH, "..").text:
                tick.click()
        assert set(column(run, "#batches", 1)) == {"fail"}
        links = run("return [...document.querySelectorAll('#batches a')].map(a => a.href)")
        assert [a for a in links if not re.search(r"/b%20\d+%23%3F/report\.html$", a)] == []


def test_criteria_are_filtered_and_colours_switched(browser, report):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    with shown(browser, report / "report.html") as run:
        cards = "return [...document.querySelectorAll('.card')].filter(c => !c.hidden).length"
        assert run(cards) == 4
        browser.find_element(By.CSS_SELECTOR, "[data-filter=cards] input").send_keys("shift")
        WebDriverWait(browser, 10).until(lambda _: run(cards) == 2)
        button = browser.find_element(By.CSS_SELECTOR, "button.theme")
        back = "return getComputedStyle(document.body).backgroundColor"
        before = run(back)
        button.click()
        assert run(back) != before
        button.click()
        assert run(back) == before


def test_without_script_all_is_there_to_read(browser, report):
    with shown(browser, report / "report.html", script=False):
        source = browser.page_source
        assert 'class="zoom"' not in source
        assert "shift passes" in source
        tools = browser.execute_cdp_cmd("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
        found = browser.execute_cdp_cmd(
            "DOM.querySelectorAll", {"nodeId": tools, "selector": ".tools:not([hidden])"}
        )
        assert found["nodeIds"] == []


def test_paper_has_what_is_folded_on_the_screen(browser, report, tmp_path):
    with shown(browser, report / "report.html", dark=True) as run:
        # What is filtered away on the screen, and folded, is on paper.
        run("document.querySelector('details').open = false")
        run("document.querySelectorAll('.card')[0].hidden = true")
        run("document.querySelectorAll('.card')[1].hidden = true")
        printed = base64.b64decode(browser.print_page())
    own = write_pdf(report / "report.html", tmp_path / "report.pdf").read_bytes()
    for content in (printed, own):
        pages = pypdf.PdfReader(io.BytesIO(content)).pages
        text = " ".join(p.extract_text() for p in pages)
        for words in ("shift passes", "shift fails", "not there", "absent.jdx", "A7 <b>&</b>"):
            assert words in text, words
    assert {tuple(round(float(x)) for x in p.mediabox[2:]) for p in pages} == {(595, 842)}
    with shown(browser, report / "report.html") as run:
        rows = run(
            "return [...document.querySelectorAll('details td:first-child')]"
            ".map(c => c.textContent)"
        )
    assert rows
    assert [r for r in rows if r not in text] == []


def test_a_browser_that_is_none_is_named(monkeypatch, tmp_path, report):
    monkeypatch.setenv("COATQC_BROWSER", "/bin/false")
    with pytest.raises(MeasurementError, match="has not printed"):
        write_pdf(report / "report.html", tmp_path / "a.pdf")
    monkeypatch.delenv("COATQC_BROWSER")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("coatqc.report.pdf._PLACES", ())
    with pytest.raises(MeasurementError, match="COATQC_BROWSER"):
        find_browser()
    assert not list(tmp_path.iterdir())
