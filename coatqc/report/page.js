"use strict";
(() => {
  const make = (tag, words, more) => {
    const element = document.createElement(tag);
    if (words) element.textContent = words;
    return Object.assign(element, more || {});
  };
  const root = document.documentElement;

  // Light or dark: what the system wants, until the button says otherwise.
  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = make("button", "", { type: "button", className: "theme" });
  const name = () => { theme.textContent = dark() ? "Light" : "Dark"; theme.setAttribute("aria-label", `Switch to ${dark() ? "light" : "dark"} colours`); };
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; name(); });
  name();
  document.querySelector("main").prepend(theme);

  // Figures: a viewer that zooms and pans.
  const figures = document.querySelectorAll("figure img, .chart img");
  if (figures.length) {
    const viewer = make("dialog", "", { className: "viewer" });
    viewer.setAttribute("aria-label", "Figure, enlarged");
    const tools = make("div", "", { className: "tools" });
    const stage = make("div", "", { className: "stage" });
    const image = make("img");
    const caption = make("p");
    let scale = 1, x = 0, y = 0, from = null;
    const place = () => { image.style.transform = `translate(${x}px, ${y}px) scale(${scale})`; image.dataset.scale = scale.toFixed(3); };
    const zoom = (factor, at) => {
      const next = Math.min(20, Math.max(0.5, scale * factor));
      if (at) {
        const box = stage.getBoundingClientRect();
        const dx = at.clientX - box.left - box.width / 2, dy = at.clientY - box.top - box.height / 2;
        x = dx - (dx - x) * next / scale; y = dy - (dy - y) * next / scale;
      } else { x *= next / scale; y *= next / scale; }
      scale = next; place();
    };
    const reset = () => { scale = 1; x = 0; y = 0; place(); };
    const button = (words, label, act) => {
      const made = make("button", words, { type: "button" });
      made.setAttribute("aria-label", label);
      made.addEventListener("click", act);
      tools.append(made);
      return made;
    };
    const close = button("Close", "Close", () => viewer.close());
    button("+", "Zoom in", () => zoom(1.4));
    button("−", "Zoom out", () => zoom(1 / 1.4));
    button("1:1", "Whole figure", reset);
    tools.append(caption); viewer.append(tools, stage); document.body.append(viewer);
    viewer.addEventListener("keydown", (event) => {
      const step = 60;
      const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
      if (event.key === "+" || event.key === "=") zoom(1.4);
      else if (event.key === "-") zoom(1 / 1.4);
      else if (event.key === "0") reset();
      else if (moves[event.key]) { x += moves[event.key][0]; y += moves[event.key][1]; place(); }
      else return;
      event.preventDefault();
    });
    stage.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY / 400), event); }, { passive: false });
    const fingers = new Map();
    stage.addEventListener("pointerdown", (event) => { fingers.set(event.pointerId, event); stage.setPointerCapture(event.pointerId); event.preventDefault(); });
    stage.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const others = [...fingers.values()].filter((f) => f.pointerId !== event.pointerId);
      if (others.length) {
        const far = (a) => Math.hypot(a.clientX - others[0].clientX, a.clientY - others[0].clientY) || 1;
        zoom(far(event) / far(before), { clientX: (event.clientX + others[0].clientX) / 2, clientY: (event.clientY + others[0].clientY) / 2 });
      } else { x += event.clientX - before.clientX; y += event.clientY - before.clientY; place(); }
      fingers.set(event.pointerId, event);
    });
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => fingers.delete(event.pointerId));
    viewer.addEventListener("close", () => { image.remove(); if (from) from.focus(); });
    figures.forEach((figure) => {
      const opener = make("button", "", { type: "button", className: "zoom" });
      opener.setAttribute("aria-label", `Enlarge: ${figure.alt}`);
      figure.replaceWith(opener); opener.append(figure);
      opener.addEventListener("click", () => {
        from = opener; image.src = figure.src; image.alt = figure.alt; caption.textContent = figure.alt;
        image.className = figure.src.startsWith("data:image/svg") ? "drawn" : "";
        stage.append(image); reset(); viewer.showModal(); close.focus();
      });
    });
  }

  // Tables: sorted by a column, filtered by words.
  const number = (text) => {
    const match = text.replace(/\u2212/g, "-").match(/^\s*[≤≥=\[]*\s*(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)/i);
    return match ? parseFloat(match[1]) : NaN;
  };
  const order = new Intl.Collator(undefined, { numeric: true }).compare;
  document.querySelectorAll("table.sortable").forEach((table) => {
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const words = head.textContent;
      const opener = make("button", words, { type: "button" });
      head.replaceChildren(opener);
      opener.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const keyed = [...body.rows].map((row, i) => {
          const text = (row.cells[column] || row.cells[row.cells.length - 1]).textContent.trim();
          return { row, i, text, value: number(text) };
        });
        const all = keyed.every((k) => !k.text || k.text === "–" || !isNaN(k.value));
        const compare = (a, b) => {
          if (!all) return order(a.text, b.text);
          if (isNaN(a.value) || isNaN(b.value)) return isNaN(a.value) - isNaN(b.value);
          return a.value - b.value;
        };
        keyed.sort((a, b) => (down ? -1 : 1) * compare(a, b) || a.i - b.i);
        body.append(...keyed.map((k) => k.row));
      });
    });
  });

  // Words and verdicts that say which rows or cards are shown.
  document.querySelectorAll("[data-filter]").forEach((place) => {
    const target = document.getElementById(place.dataset.filter);
    const items = target.tBodies ? [...target.tBodies[0].rows] : [...target.children];
    const words = items.map((item) => item.textContent.toLowerCase());
    const label = make("label", "Filter ");
    const box = make("input", "", { type: "search", size: 18 });
    const count = make("span", "", { className: "soft" });
    count.setAttribute("role", "status");
    label.append(box); place.append(label);
    const wanted = new Map();
    const apply = () => {
      const asked = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      let n = 0;
      items.forEach((item, i) => {
        const verdict = item.dataset.verdict;
        const seen = asked.every((w) => words[i].includes(w)) && (!verdict || !wanted.has(verdict) || wanted.get(verdict).checked);
        item.hidden = !seen; n += seen;
      });
      count.textContent = n === items.length ? "" : `${n} of ${items.length} shown`;
    };
    const verdicts = [...new Set(items.map((item) => item.dataset.verdict).filter(Boolean))];
    if (verdicts.length > 1) verdicts.forEach((verdict) => {
      const choice = make("label");
      const tick = make("input", "", { type: "checkbox", checked: true });
      tick.addEventListener("change", apply);
      wanted.set(verdict, tick);
      choice.append(tick, verdict); place.append(choice);
    });
    let waiting = 0;
    box.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, items.length > 500 ? 150 : 0); });
    place.append(count); place.hidden = false;
  });

  // What is folded is on paper too.
  let folded = [];
  addEventListener("beforeprint", () => { folded = [...document.querySelectorAll("details:not([open])")]; folded.forEach((d) => { d.open = true; }); });
  addEventListener("afterprint", () => folded.forEach((d) => { d.open = false; }));
})();
