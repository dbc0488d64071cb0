"use strict";
// Numbers under the pointer. The drawing comes from C#; beside each one stand its values and where they are.
const tip = document.getElementById("tip");
let hovered = null; // {part, x, y}: kept where a live chart is replaced while the pointer is on it

function data(svg) {
  if (svg.data) return svg.data;
  const d = JSON.parse(svg.nextElementSibling.textContent);
  for (const panel of d.panels) panel.x = panel.steps.map(s => panel.left + s / panel.end * (panel.right - panel.left));
  return svg.data = d;
}

function show(value, part) {
  if (part) return (value * 100).toFixed(1) + "%";
  const size = Math.abs(value);
  return size >= 1000 ? Math.round(value).toLocaleString("en") : size >= 1e-4 || size === 0 ? String(+value.toPrecision(4)) : value.toExponential(2);
}

function row(left, right) {
  const line = document.createElement("div");
  for (const text of [left, right]) line.appendChild(document.createElement("span")).textContent = text;
  return line;
}

function point(svg, x, clientX, clientY) {
  const d = data(svg);
  let best = null;
  for (const panel of d.panels) panel.x.forEach((at, i) => { if (!best || Math.abs(at - x) < best.distance) best = { panel, i, distance: Math.abs(at - x) }; });
  if (!best) return;
  const { panel, i } = best, cross = svg.querySelector(".cross"), box = svg.viewBox.baseVal;
  svg.at = [d.panels.indexOf(panel), i];
  cross.setAttribute("x1", panel.x[i]); cross.setAttribute("x2", panel.x[i]);
  cross.setAttribute("y1", 26); cross.setAttribute("y2", box.height - 38);
  cross.removeAttribute("hidden");
  tip.replaceChildren(row(panel.name, "step " + panel.steps[i].toLocaleString("en")));
  for (const line of panel.lines) if (line.values[i] !== null) tip.append(row(line.name, show(line.values[i], d.part)));
  tip.hidden = false;
  const wide = tip.offsetWidth, left = clientX + 16 + wide > innerWidth ? clientX - wide - 16 : clientX + 16;
  tip.style.left = Math.max(4, left) + "px";
  tip.style.top = Math.max(4, Math.min(clientY - 12, innerHeight - tip.offsetHeight - 4)) + "px";
}

function leave() {
  tip.hidden = true;
  hovered = null;
  for (const cross of document.querySelectorAll(".cross")) cross.setAttribute("hidden", "");
}

function over(svg, clientX, clientY) {
  const box = svg.getBoundingClientRect();
  point(svg, (clientX - box.left) / box.width * svg.viewBox.baseVal.width, clientX, clientY);
}

function move(event) {
  const svg = event.target.closest?.(".chart svg");
  if (!svg) { if (hovered) leave(); return; }
  if (hovered && hovered.part !== svg.closest(".part").id) leave();
  hovered = { part: svg.closest(".part").id, x: event.clientX, y: event.clientY };
  over(svg, event.clientX, event.clientY);
}
document.addEventListener("pointermove", move);
document.addEventListener("pointerdown", move);
document.addEventListener("pointerleave", leave);
document.addEventListener("scroll", leave, { passive: true });
document.addEventListener("focusout", leave);
document.addEventListener("keydown", event => {
  const svg = event.target.closest?.(".chart svg"), by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!svg || !by) return;
  event.preventDefault();
  const places = data(svg).panels.flatMap((panel, p) => panel.x.map((x, i) => ({ x, p, i })));
  if (places.length === 0) return;
  const now = svg.at ? places.findIndex(a => a.p === svg.at[0] && a.i === svg.at[1]) : -1;
  const next = places[Math.max(0, Math.min(places.length - 1, now + by))], box = svg.getBoundingClientRect();
  point(svg, next.x, box.left + next.x / svg.viewBox.baseVal.width * box.width, box.top + box.height / 3);
});

// A live page: the server sends the pieces that changed.
function replace({ id, html, order }) {
  let part = document.getElementById(id);
  if (!part) {
    part = document.createElement("div");
    part.className = "part";
    part.id = id;
    part.style.order = order;
    document.getElementById("charts").append(part);
  }
  const open = [...part.querySelectorAll("details")].map(d => d.open), scrolled = part.querySelector(".scroll")?.scrollLeft;
  part.innerHTML = html; // made by the same C# as the page, which escapes every text
  part.querySelectorAll("details").forEach((d, i) => { d.open = open[i] ?? false; });
  if (scrolled) part.querySelector(".scroll")?.scrollTo(scrolled, 0);
  if (hovered?.part === id) over(part.querySelector("svg"), hovered.x, hovered.y);
}

function tick() {
  for (const clock of document.querySelectorAll("[data-since]")) {
    const s = Math.max(0, Math.round(Date.now() / 1000 - clock.dataset.since));
    clock.textContent = s < 100 ? s + " s" : s < 3600 ? Math.floor(s / 60) + " min " + String(s % 60).padStart(2, "0") + " s" : Math.floor(s / 3600) + " h " + String(Math.floor(s % 3600 / 60)).padStart(2, "0") + " min";
  }
}

if (document.body.dataset.live !== undefined) {
  const events = new EventSource("events?after=" + document.body.dataset.live);
  events.onmessage = event => { for (const part of JSON.parse(event.data)) replace(part); tick(); };
  setInterval(tick, 1000);
  tick();
}
