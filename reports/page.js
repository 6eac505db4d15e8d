"use strict";
/* What needs a pointer: the value under it, sorting, larger plots. All else is in the page. */
const data = JSON.parse(document.getElementById("data").textContent);
const fixed = ["trial", "candidate", "arch", "front", "se"], quantities = data.quantities;
const rows = data.rows.map(r => ({ ...Object.fromEntries(fixed.map((c, i) => [c, r[i]])), value: r.slice(fixed.length) }));
const place_of = new Map(quantities.map((q, i) => [q.name, i]));
const byTrial = new Map(rows.map(r => [String(r.trial), r]));
const tip = document.getElementById("tip");

/* ---- numbers, as the program writes them ---- */
const short = x => {
  for (const [d, u] of [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]])
    if (Math.abs(x) >= d * .9995) return (x / d).toPrecision(3) + u;
  return String(+x.toPrecision(4));
};
const time = ms => ms < .1 ? (ms * 1000).toPrecision(3) + " µs" : ms >= 1000 ? (ms / 1000).toPrecision(3) + " s" : ms.toPrecision(3) + " ms";
const units = { ns: 1e-6, "µs": 1e-3, ms: 1, s: 1e3 };
function written(q, x, se) { /* "error 20.30 ±0.57 %" */
  x *= q.factor;
  const text = units[q.unit] ? time(x * units[q.unit]) : q.digits <= 0 ? short(x) : x.toFixed(q.digits) +
    (se == null || !q.unit ? "" : " ±" + (se * q.factor).toFixed(q.digits));
  return `${q.title} ${text}${q.unit && !units[q.unit] ? " " + q.unit : ""}`;
}
const size = quantities.findIndex(q => q.digits === 0); /* of a whole number: how large it is */
const head = r => `Candidate ${r.candidate}, trial ${r.trial}${r.front ? ", on the front" : ""}`;
const about = r => [head(r), r.arch, ...quantities.map((q, i) => r.value[i] != null && written(q, r.value[i], i ? null : r.se))]
  .filter(Boolean).join("\n");

/* ---- the tip ---- */
function show(text, event) {
  tip.textContent = text;
  tip.style.display = "block";
  const left = event.clientX + 16, top = event.clientY + 16;
  tip.style.left = Math.max(4, left + tip.offsetWidth > innerWidth ? event.clientX - tip.offsetWidth - 10 : left) + "px";
  tip.style.top = Math.max(4, top + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : top) + "px";
}
const hide = () => { tip.style.display = "none"; };

/* ---- plots ---- */
const frame = svg => svg.dataset.frame.split(" ").map(Number); /* left, top, right, bottom */
function scale(text, from, to) { /* value -> place, and back */
  const [log, low, high] = text.split(" ").map(Number), f = log ? Math.log : x => x, g = log ? Math.exp : x => x;
  const a = f(low), b = f(high);
  return { to: v => from + (to - from) * (f(v) - a) / (b - a), back: p => g(a + (b - a) * (p - from) / (to - from)) };
}
function scales(svg) {
  const [left, top, right, bottom] = frame(svg);
  return [scale(svg.dataset.xScale, left, right), scale(svg.dataset.yScale, bottom, top)];
}
function place(svg, event) { /* of the pointer, in the units of the plot */
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  return [at.x, at.y];
}
function value(r, name) {
  const i = place_of.get(name);
  return name === "trial" ? r.trial : r.value[i] == null ? NaN : r.value[i] * quantities[i].drawn;
}
const plots = [...document.querySelectorAll("svg[data-kind=points]")].map(svg => {
  const [x, y] = scales(svg), at = new Map();
  for (const r of rows) {
    const p = [x.to(value(r, svg.dataset.x)), y.to(value(r, svg.dataset.y))];
    if (p.every(isFinite)) at.set(r, p);
  }
  const ring = svg.appendChild(document.createElementNS(svg.namespaceURI, "circle"));
  ring.setAttribute("class", "ring");
  return { svg, at, ring };
});
const charts = [...document.querySelectorAll("svg[data-kind=lines]")].map(svg => ({ svg, scales: scales(svg),
  curves: [...svg.querySelectorAll(".curve")].map(path => ({ path,
    points: [...path.getAttribute("d").matchAll(/[ML]([-\d.]+) ([-\d.]+)/g)].map(m => [+m[1], +m[2]]) })) }));

/* One candidate, wherever it is drawn. */
function mark(trial) {
  const r = byTrial.get(String(trial));
  for (const p of plots) {
    const at = r && p.at.get(r);
    p.ring.setAttribute("r", at ? 9 : 0);
    if (at) { p.ring.setAttribute("cx", at[0]); p.ring.setAttribute("cy", at[1]); }
  }
  for (const c of charts) {
    let any = false;
    for (const { path } of c.curves) {
      const near = trial != null && path.dataset.trial === String(trial);
      path.classList.toggle("near", near);
      any ||= near;
    }
    c.svg.classList.toggle("busy", any);
  }
}
for (const { svg, at } of plots) {
  for (const title of svg.querySelectorAll("title")) title.remove();
  svg.addEventListener("pointermove", event => {
    const [px, py] = place(svg, event);
    let best = null, least = 22 ** 2;
    for (const [r, [x, y]] of at) {
      const d = (x - px) ** 2 + (y - py) ** 2 - (r.front ? 20 : 0);
      if (d < least) { least = d; best = r; }
    }
    mark(best && best.trial);
    if (best) show(about(best), event); else hide();
  });
}
for (const { svg, curves, scales: [x, y] } of charts)
  svg.addEventListener("pointermove", event => {
    const [px, py] = place(svg, event);
    let best = null, least = 26 ** 2;
    for (const { path, points } of curves)
      for (const p of points) {
        const d = (p[0] - px) ** 2 + (p[1] - py) ** 2;
        if (d < least) { least = d; best = { path, p }; }
      }
    mark(best && best.path.dataset.trial);
    if (!best) return hide();
    const r = byTrial.get(best.path.dataset.trial), name = s => s.replace("_", " ");
    const across = v => svg.dataset.x === "time" ? +v.toPrecision(3) : Math.round(v); /* trials and steps are whole */
    show([r ? [`Candidate ${r.candidate}`, r.arch, size >= 0 && r.value[size] != null && written(quantities[size], r.value[size])].filter(Boolean).join("\n") : best.path.dataset.name,
      `${name(svg.dataset.y)} ${+y.back(best.p[1]).toPrecision(4)} at ${name(svg.dataset.x)} ${across(x.back(best.p[0]))}`].join("\n"), event);
  });
for (const svg of document.querySelectorAll("svg[data-kind]")) {
  svg.addEventListener("pointerleave", () => { hide(); mark(null); });
  const button = document.createElement("button"), figure = svg.closest("figure");
  const label = () => { button.textContent = figure.classList.contains("large") ? "smaller" : "larger"; };
  button.addEventListener("click", () => { figure.classList.toggle("large"); label(); });
  label();
  figure.append(button);
}
for (const tr of document.querySelectorAll("tr[data-trial]")) {
  tr.addEventListener("pointerenter", () => mark(tr.dataset.trial));
  tr.addEventListener("pointerleave", () => mark(null));
}

/* ---- tables ---- */
for (const table of document.querySelectorAll("table.sorts"))
  table.querySelectorAll("th").forEach((th, column) => {
    const key = tr => { const td = tr.cells[column]; return td.dataset.v == null ? td.textContent : +td.dataset.v; };
    const less = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
    const sort = () => {
      const down = th.getAttribute("aria-sort") === "ascending", body = table.tBodies[0];
      for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
      th.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...[...body.rows].sort((a, b) => (down ? -1 : 1) * less(key(a), key(b))));
    };
    th.tabIndex = 0;
    th.addEventListener("click", sort);
    th.addEventListener("keydown", event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); } });
  });
addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("details")) d.open = true; });
