// Conversations as trees: what was edited or asked again is a branch beside the first. Kept in the browser.

const prefix = "ingot.conversation.";
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), b => b.toString(16).padStart(2, "0")).join(""); // randomUUID is not there on plain http

export class Conversation {
  constructor(data) { Object.assign(this, data); }

  static fresh = (system = "") => new Conversation({ id: newId(), title: "", system, created: Date.now(), updated: Date.now(), roots: [], root: null, nodes: {} });

  /** Messages from the first to the newest, as the chosen branches lead. */
  get path() {
    const path = [];
    for (let id = this.root; id && path.length < 10000; id = this.nodes[id]?.chosen) if (this.nodes[id]) path.push(this.nodes[id]); else break;
    return path;
  }

  /** Those beside a message, itself among them. */
  siblings(node) { return node.parent ? this.nodes[node.parent].children : this.roots; }

  add(parent, message) {
    const node = { id: newId(), parent: parent?.id ?? null, children: [], chosen: null, ...message };
    this.nodes[node.id] = node;
    this.siblings(node).push(node.id);
    this.choose(node);
    return node;
  }

  choose(node) {
    if (node.parent) this.nodes[node.parent].chosen = node.id; else this.root = node.id;
  }

  remove(node) {
    const beside = this.siblings(node);
    beside.splice(beside.indexOf(node.id), 1);
    delete this.nodes[node.id];
    const other = beside.at(-1) ?? null;
    if (node.parent) this.nodes[node.parent].chosen = other; else this.root = other;
  }

  /** @returns an error's words, or null */
  save() {
    this.updated = Date.now();
    if (!this.title) this.title = (this.path.find(n => n.role === "user")?.content ?? "").replace(/\s+/g, " ").trim().slice(0, 60);
    try { localStorage.setItem(prefix + this.id, JSON.stringify(this)); return null; }
    catch { return "The browser has no more room for conversations. Export them, then delete some."; }
  }
}

export const store = {
  /** Newest first. */
  all() {
    const found = [];
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i);
      if (!key.startsWith(prefix)) continue;
      try { const c = JSON.parse(localStorage.getItem(key)); found.push({ id: c.id, title: c.title, updated: c.updated }); } catch { /* not ours to repair */ }
    }
    return found.sort((a, b) => b.updated - a.updated);
  },
  load(id) { try { const text = localStorage.getItem(prefix + id); return text ? new Conversation(checked(JSON.parse(text))) : null; } catch { return null; } },
  remove: id => localStorage.removeItem(prefix + id),
  export: () => JSON.stringify({ format: "ingot-conversations", version: 1, conversations: store.all().map(c => store.load(c.id)).filter(Boolean) }, null, 1),
  /** @returns how many there were */
  import(text) {
    const data = JSON.parse(text);
    if (data?.format !== "ingot-conversations" || !Array.isArray(data.conversations)) throw new Error("This file holds no conversations of Ingot.");
    for (const c of data.conversations) {
      const error = new Conversation(checked(c)).save();
      if (error) throw new Error(error);
    }
    return data.conversations.length;
  },
};

/** A conversation of known fields only; throws if it is none. */
function checked(c) {
  const text = v => typeof v === "string" ? v : "", ids = v => Array.isArray(v) ? v.filter(i => typeof i === "string" && Object.hasOwn(c.nodes, i)) : [];
  if (!c || typeof c.id !== "string" || !/^[\w-]{1,64}$/.test(c.id) || typeof c.nodes !== "object") throw new Error("A conversation in this file is damaged.");
  const nodes = {};
  for (const [id, n] of Object.entries(c.nodes)) {
    if (!["user", "assistant", "tool"].includes(n?.role)) throw new Error("A message in this file is damaged.");
    nodes[id] = {
      id, parent: typeof n.parent === "string" && Object.hasOwn(c.nodes, n.parent) ? n.parent : null, children: ids(n.children), chosen: ids([n.chosen])[0] ?? null, role: n.role, content: text(n.content), reasoning: text(n.reasoning), model: text(n.model),
      files: (Array.isArray(n.files) ? n.files : []).map(f => ({ name: text(f?.name), text: text(f?.text) })), callId: text(n.callId), name: text(n.name), isError: n.isError === true, rating: ["up", "down"].includes(n.rating) ? n.rating : null,
      calls: (Array.isArray(n.calls) ? n.calls : []).map(t => ({ id: text(t?.id), name: text(t?.name), arguments: text(t?.arguments) })), figures: text(n.figures), failure: text(n.failure), finish: text(n.finish),
    };
  }
  return { id: c.id, title: text(c.title), system: text(c.system), created: +c.created || Date.now(), updated: +c.updated || Date.now(), roots: ids(c.roots), root: ids([c.root])[0] ?? null, nodes };
}
