// The page: what is shown, and what its controls do.
import { byId, element, icon, iconButton } from "/page/elements.js";
import { getJson, postJson } from "/page/api.js";
import { store, Conversation } from "/page/store.js";
import { Answering } from "/page/answering.js";
import { showMessage } from "/page/messages.js";
import { readSettings, showSettings, showSampling, sampling } from "/page/settings.js";

const state = { conversation: Conversation.fresh(), models: [], server: { feedback: false, tools: false }, tools: [], allowed: new Set(), files: [], answering: null, editing: null };
const largestFile = 256 * 1024;

// ---- conversations

function showConversations() {
  const groups = new Map(), day = 86_400_000, now = Date.now();
  for (const c of store.all()) {
    const age = now - c.updated, name = age < day ? "Today" : age < 7 * day ? "This week" : "Earlier";
    groups.set(name, [...(groups.get(name) ?? []), c]);
  }
  const list = byId("conversations");
  list.replaceChildren();
  for (const [name, all] of groups) {
    list.append(element("li", { class: "group" }, name));
    for (const c of all) {
      const isCurrent = c.id === state.conversation.id, title = c.title || "Untitled";
      list.append(element("li", { class: isCurrent ? "current" : null },
        element("button", { class: "open", "aria-current": isCurrent ? "true" : null, title, click: () => open(store.load(c.id)) }, title),
        iconButton("trash", `Delete "${title}"`, () => remove(c), { class: "icon remove" })));
    }
  }
}

function open(conversation) {
  if (!conversation) return;
  stop();
  // What is still being written is ahead of what was saved of it.
  if (state.answering?.conversation.id === conversation.id) conversation = state.answering.conversation;
  state.conversation = conversation;
  state.allowed.clear(); // "always" was said for the other chat
  state.editing = null;
  byId("system").value = conversation.system;
  document.body.classList.remove("listing");
  show();
  showConversations();
  byId("scroll").scrollTop = byId("scroll").scrollHeight;
  byId("prompt").focus();
}

function remove(c) {
  if (!confirm(`Delete "${c.title || "Untitled"}"?`)) return;
  if (state.answering?.conversation.id === c.id) state.answering.isDiscarded = true;
  store.remove(c.id);
  if (c.id === state.conversation.id) open(Conversation.fresh());
  else showConversations();
}

function save(conversation = state.conversation) {
  const error = conversation.save();
  if (error) notice(error);
  showConversations();
}

// ---- messages

/** Everything anew; what streams is changed in place by showMessage. */
function show() {
  const path = state.conversation.path;
  byId("welcome").hidden = path.length > 0;
  byId("messages").hidden = path.length === 0;
  byId("messages").replaceChildren(...path.filter(n => n.role !== "tool").map(n => showMessage(n, actions)));
}

/** One message again, where it stands. */
function refresh(node) {
  const old = document.querySelector(`[data-node="${node.id}"]`);
  if (old) old.replaceWith(showMessage(node, actions));
  else show();
}

function follow(change) {
  const box = byId("scroll"), isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  change();
  if (isAtEnd) box.scrollTop = box.scrollHeight;
}

const actions = {
  get state() { return state; },
  siblings: node => state.conversation.siblings(node),
  choose(node, step) {
    if (state.answering) return;
    const beside = state.conversation.siblings(node), other = beside[beside.indexOf(node.id) + step];
    state.conversation.choose(state.conversation.nodes[other]);
    save();
    show();
    document.querySelector(`[data-node="${other}"] .branch button:not(:disabled)`)?.focus();
  },
  edit(node) { if (state.answering) return; state.editing = node.id; refresh(node); document.querySelector(".edit textarea")?.focus(); },
  cancelEdit(node) { state.editing = null; refresh(node); },
  async finishEdit(node, text) {
    if (state.answering) { notice("Wait for the answer, or stop it: then ask anew."); return; }
    state.editing = null;
    notice("");
    if (!text.trim() || text === node.content) { refresh(node); return; }
    const parent = state.conversation.nodes[node.parent] ?? null;
    const fresh = state.conversation.add(parent, { role: node.role, content: text, files: node.files ?? [], model: node.model });
    show();
    save();
    if (node.role === "user") await answer(fresh);
    else await feedback("edit", node, { chosen: text, rejected: node.content });
  },
  again(node) { if (!state.answering) answer(state.conversation.nodes[node.parent] ?? null); },
  async rate(node, rating) {
    node.rating = node.rating === rating ? null : rating;
    save();
    refresh(node);
    if (node.rating) await feedback(rating, node, rating === "up" ? { chosen: node.content } : { rejected: node.content });
  },
  copy: async node => { await navigator.clipboard.writeText(node.content); say("Copied"); },
  resultOf: call => Object.values(state.conversation.nodes).find(n => n.role === "tool" && n.callId === call.id),
  decide: (call, decision) => state.answering?.decide(call, decision),
};

async function feedback(kind, node, words) {
  if (!state.server.feedback) return;
  const before = state.conversation.path.slice(0, state.conversation.path.findIndex(n => state.conversation.siblings(node).includes(n.id)));
  const messages = before.filter(n => n.role !== "tool" && (n.content || n.role === "user")).map(n => ({ role: n.role, content: Answering.contentOf(n) }));
  if (state.conversation.system.trim()) messages.unshift({ role: "system", content: state.conversation.system });
  try { await postJson("/api/feedback", { kind, model: node.model, messages, ...words }); say("Thank you, noted"); }
  catch (e) { notice(e.message); }
}

// ---- asking and answering

async function send() {
  const text = byId("prompt").value;
  if (state.answering || (!text.trim() && state.files.length === 0)) return;
  notice("");
  const node = state.conversation.add(state.conversation.path.at(-1) ?? null, { role: "user", content: text, files: state.files });
  state.files = [];
  byId("prompt").value = "";
  showFiles();
  save();
  show();
  byId("scroll").scrollTop = byId("scroll").scrollHeight;
  await answer(node);
}

async function answer(parent) {
  const model = state.models.find(m => m.id === byId("model").value);
  if (!model) { notice("There is no model to ask."); return; }
  const isShown = () => state.conversation === answering.conversation;
  const answering = state.answering = new Answering(state, model, sampling(), {
    begun: () => { if (isShown()) follow(show); },
    changed: node => { if (isShown()) follow(() => refresh(node)); },
  });
  working(true);
  try { await answering.run(parent); }
  finally {
    state.answering = null;
    working(false);
    if (!answering.isDiscarded) save(answering.conversation);
    if (isShown()) follow(show);
    say(answering.conversation.path.at(-1)?.failure ? "The answer failed" : "The answer is complete");
  }
}

const stop = () => state.answering?.stop();

function working(is) {
  byId("send").hidden = is;
  byId("stop").hidden = !is;
  byId("messages").setAttribute("aria-busy", is);
}

function say(words) { byId("status").textContent = words; }

function notice(words) {
  byId("notice").hidden = !words;
  byId("notice").textContent = words;
}

// ---- files

async function attach(files) {
  for (const file of files) {
    if (file.size > largestFile) { notice(`${file.name} has more than ${largestFile / 1024} KB.`); continue; }
    const bytes = new Uint8Array(await file.arrayBuffer());
    try {
      if (bytes.includes(0)) throw new Error();
      state.files.push({ name: file.name, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) });
    }
    catch { notice(`${file.name} is no text file.`); }
  }
  showFiles();
  byId("prompt").focus();
}

function showFiles() {
  byId("files").replaceChildren(...state.files.map(f => element("li", {}, f.name, iconButton("close", `Take ${f.name} out`, () => { state.files = state.files.filter(o => o !== f); showFiles(); }, { class: "icon" }))));
}

// ---- beginning

function theme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").replaceChildren(icon(name === "dark" ? "sun" : "moon"));
}

async function load() {
  try {
    const [models, server] = await Promise.all([getJson("/v1/models"), getJson("/api/settings")]);
    state.models = models.data;
    state.server = server;
    state.tools = server.tools ? (await getJson("/api/tools")).tools : [];
    notice("");
  }
  catch (e) {
    notice(e.status === 401 ? "This server needs a key: enter it in the settings." : e.message);
    if (e.status === 401) settings(true);
    return;
  }
  const chosen = localStorage.getItem("ingot.model");
  byId("model").replaceChildren(...state.models.map(m => element("option", { value: m.id, selected: m.id === chosen }, m.id)));
  showModel();
  showSettings(state);
}

function showModel() {
  const model = state.models.find(m => m.id === byId("model").value);
  if (!model) return;
  const size = model.parameters >= 1e9 ? `${(model.parameters / 1e9).toFixed(1)} billion` : model.parameters >= 1e6 ? `${(model.parameters / 1e6).toFixed(1)} million` : model.parameters.toLocaleString("en");
  byId("model-note").textContent = `${size} weights, context ${model.context_length.toLocaleString("en")}`;
  showSampling(model);
  byId("prompt").placeholder = model.chat ? "Write a message" : "Begin a text; the model continues it";
  byId("welcome").querySelector("h1").textContent = model.chat ? "What shall we talk about?" : "How does the text begin?";
}

function settings(isOpen) {
  byId("settings").hidden = !isOpen;
  byId("open-settings").setAttribute("aria-expanded", isOpen);
  (isOpen ? byId("system") : byId("open-settings")).focus();
}

for (const button of document.querySelectorAll("[data-icon]")) button.prepend(icon(button.dataset.icon));
theme(localStorage.getItem("ingot.theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
readSettings();

byId("composer").addEventListener("submit", e => { e.preventDefault(); send(); });
byId("stop").addEventListener("click", stop);
byId("prompt").addEventListener("keydown", e => {
  if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); send(); }
  if (e.key === "ArrowUp" && !byId("prompt").value && !state.answering) {
    const last = state.conversation.path.findLast(n => n.role === "user");
    if (last) { e.preventDefault(); actions.edit(last); }
  }
});
byId("new-chat").addEventListener("click", () => open(Conversation.fresh()));
byId("theme").addEventListener("click", () => { const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark"; localStorage.setItem("ingot.theme", next); theme(next); });
byId("model").addEventListener("change", () => { localStorage.setItem("ingot.model", byId("model").value); showModel(); });
byId("open-settings").addEventListener("click", () => settings(byId("settings").hidden));
byId("close-settings").addEventListener("click", () => settings(false));
byId("open-sidebar").addEventListener("click", () => { document.body.classList.add("listing"); byId("new-chat").focus(); });
byId("close-sidebar").addEventListener("click", () => document.body.classList.remove("listing"));
byId("system").addEventListener("input", () => { state.conversation.system = byId("system").value; if (state.conversation.path.length) state.conversation.save(); });
byId("key").addEventListener("change", () => { sessionStorage.setItem("ingot.key", byId("key").value); load(); });
byId("attach").addEventListener("click", () => byId("attach-file").click());
byId("attach-file").addEventListener("change", e => { attach(e.target.files); e.target.value = ""; });
byId("export").addEventListener("click", () => {
  const url = URL.createObjectURL(new Blob([store.export()], { type: "application/json" }));
  element("a", { href: url, download: `conversations-${new Date().toISOString().slice(0, 10)}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
});
byId("import").addEventListener("click", () => byId("import-file").click());
byId("import-file").addEventListener("change", async e => {
  try { say(`${store.import(await e.target.files[0].text())} conversations imported`); notice(""); }
  catch (error) { notice(error instanceof SyntaxError ? "This file is no JSON." : error.message); }
  e.target.value = "";
  showConversations();
});
document.addEventListener("keydown", e => {
  if (e.key === "Escape") {
    if (state.answering) stop();
    else if (document.body.classList.contains("listing")) document.body.classList.remove("listing");
    else if (!byId("settings").hidden) settings(false);
  }
  if ((e.ctrlKey || e.metaKey) && e.shiftKey && e.key.toLowerCase() === "o") { e.preventDefault(); open(Conversation.fresh()); }
});
document.addEventListener("dragover", e => { if (e.dataTransfer?.types.includes("Files")) { e.preventDefault(); document.body.classList.add("dragging"); } });
document.addEventListener("dragleave", e => { if (!e.relatedTarget) document.body.classList.remove("dragging"); });
document.addEventListener("drop", e => { document.body.classList.remove("dragging"); if (e.dataTransfer?.files.length) { e.preventDefault(); attach(e.dataTransfer.files); } });
document.addEventListener("pointerdown", e => { if (document.body.classList.contains("listing") && !e.target.closest("#sidebar")) document.body.classList.remove("listing"); });

showConversations();
show();
load();
