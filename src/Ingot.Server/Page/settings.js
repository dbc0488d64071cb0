// The settings: what the sampler does, which tools the model may ask for.
import { byId, element } from "/page/elements.js";

// name, label, least, most, step, and what the server does of itself where the model says nothing of it.
const controls = [
  ["temperature", "Temperature", 0, 2, 0.05, 0.8], ["top_p", "Top-p", 0, 1, 0.01, 1], ["top_k", "Top-k (0: all)", 0, 200, 1, 0], ["min_p", "Min-p", 0, 1, 0.01, 0],
  ["repetition_penalty", "Repetition penalty", 0.8, 2, 0.01, 1], ["presence_penalty", "Presence penalty", -2, 2, 0.05, 0], ["frequency_penalty", "Frequency penalty", -2, 2, 0.05, 0],
  ["max_tokens", "Most tokens (0: no limit)", 0, 8192, 16, 0], ["seed", "Seed (0: another each time)", 0, 9999, 1, 0],
];
const storage = "ingot.sampling";
let values = {}; // what was set here; the model's own word holds for all others
let standard = {};

export function readSettings() {
  const names = controls.map(([name]) => name);
  try { for (const [name, v] of Object.entries(JSON.parse(localStorage.getItem(storage) ?? "{}"))) if (names.includes(name) && Number.isFinite(v)) values[name] = v; } catch { /* nothing is set, then */ }
  showSampling();
  byId("reset-sampling").addEventListener("click", () => { values = {}; keep(); show(); });
}

/** Shows what holds for a model of /v1/models. */
export function showSampling(model) {
  standard = Object.fromEntries(controls.map(([name, , , , , value]) => [name, model?.sampling?.[name] ?? value]));
  show();
}

/** What differs from what the server does of itself. */
export function sampling() {
  const given = { ...values };
  for (const name of ["max_tokens", "seed"]) if (given[name] === 0) delete given[name];
  return given;
}

const keep = () => localStorage.setItem(storage, JSON.stringify(values));

function show() {
  byId("sampling").replaceChildren(...controls.map(([name, label, min, max, step]) => {
    const id = `sampling-${name}`, attributes = { min, max, step, value: values[name] ?? standard[name] };
    const number = element("input", { id, type: "number", ...attributes }), range = element("input", { type: "range", "aria-label": label, tabindex: "-1", ...attributes });
    const set = (from, to) => from.addEventListener("input", () => {
      const v = parseFloat(from.value);
      if (!Number.isFinite(v)) return;
      values[name] = Math.min(max, Math.max(min, v));
      to.value = values[name];
      keep();
    });
    set(number, range);
    set(range, number);
    return element("div", { class: "slider" }, element("label", { for: id }, label), number, range);
  }));
}

export function showSettings(state) {
  byId("tools-field").hidden = state.tools.length === 0;
  byId("tool-list").replaceChildren(...state.tools.map(t => element("li", {}, element("code", {}, t.function.name), ` (${t.server}) ${t.function.description ?? ""}`)));
  const box = byId("use-tools");
  box.checked = state.useTools = localStorage.getItem("ingot.tools") === "yes";
  box.addEventListener("change", () => { state.useTools = box.checked; localStorage.setItem("ingot.tools", box.checked ? "yes" : "no"); });
}
