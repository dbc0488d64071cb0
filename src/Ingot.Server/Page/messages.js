// How a message looks.
import { element, icon, iconButton } from "/page/elements.js";
import { GrowingText, render } from "/page/markdown.js";

const growing = new WeakMap(); // texts of running answers, by message

/** The element of an answer's words or thoughts. */
function showText(node, field) {
  if (!node.isRunning) {
    growing.delete(node);
    return element("div", { class: "text" }, render(node[field]));
  }
  if (!growing.has(node)) growing.set(node, {});
  const text = growing.get(node)[field] ??= new GrowingText();
  text.show(node[field]);
  return text.element;
}

export function showMessage(node, actions) {
  const isUser = node.role === "user", state = actions.state, isEditing = state.editing === node.id;
  const message = element("li", { class: `message ${node.role}${isEditing ? " editing" : ""}`, "data-node": node.id, "aria-label": isUser ? "You" : "Answer" });
  if (isEditing) { message.append(editor(node, actions)); return message; }
  const body = element("div", { class: "body" });
  if (isUser) {
    if (node.files?.length) body.append(element("span", { class: "attached" }, ...node.files.map(f => element("details", {}, element("summary", {}, f.name), element("pre", { tabindex: "0" }, f.text)))));
    body.append(element("div", { class: "plain" }, node.content));
  }
  else showAnswer(node, body, actions);
  message.append(body);
  if (!node.isRunning) message.append(controls(node, isUser, actions));
  return message;
}

function showAnswer(node, body, actions) {
  body.append(element("div", { class: "who" }, node.model || "Assistant"));
  if (node.reasoning) body.append(element("details", { class: "thought", open: node.isRunning && !node.content }, element("summary", {}, "Thoughts"), showText(node, "reasoning")));
  if (node.content) body.append(showText(node, "content"));
  for (const call of node.calls ?? []) body.append(showCall(node, call, actions));
  if (node.isRunning && !node.content && !node.reasoning && !node.calls?.length) body.append(element("div", { class: "waiting", role: "img", "aria-label": "Waiting for the answer" }, element("i"), element("i"), element("i")));
  if (node.failure) body.append(element("div", { class: "failure", role: "alert" }, node.failure));
  if (!node.isRunning && node.finish === "length") body.append(element("p", { class: "note" }, "Cut off: the most tokens are reached, or the context is full."));
  if (!node.isRunning && node.finish === "stopped") body.append(element("p", { class: "note" }, "Stopped."));
}

function showCall(node, call, actions) {
  let shown = call.arguments;
  try { shown = JSON.stringify(JSON.parse(call.arguments), null, 2); } catch { /* still streaming, or no JSON: as it is */ }
  const result = actions.resultOf(call);
  const words = { waiting: "wants to run", running: "running", denied: "not allowed", done: result?.isError ? "failed" : "done" }[call.state ?? ""] ?? (result ? (result.isError ? "failed" : "done") : node.isRunning ? "being written" : "not run");
  const box = element("section", { class: "call", "aria-label": `Call of the tool ${call.name}` },
    element("div", { class: "title" }, icon("tool"), element("span", {}, "Tool ", element("code", {}, call.name || "...")), element("span", { class: "state" }, words)),
    element("pre", { tabindex: "0" }, shown || "{}"));
  if (call.state === "waiting") box.append(element("div", { class: "consent", role: "group", "aria-label": `Allow the call of ${call.name}?` },
    element("button", { type: "button", class: "primary", click: () => actions.decide(call, "once") }, "Allow once"),
    element("button", { type: "button", click: () => actions.decide(call, "chat") }, "Always in this chat"),
    element("button", { type: "button", click: () => actions.decide(call, "deny") }, "Deny")));
  if (result) box.append(element("details", {}, element("summary", {}, "Result"), element("pre", { tabindex: "0" }, result.content)));
  return box;
}

function controls(node, isUser, actions) {
  const row = element("div", { class: "actions" }), beside = actions.siblings(node), at = beside.indexOf(node.id);
  if (beside.length > 1) row.append(element("span", { class: "branch" },
    iconButton("left", "The version before", () => actions.choose(node, -1), { disabled: at === 0 }), element("span", { "aria-label": `Version ${at + 1} of ${beside.length}` }, `${at + 1}/${beside.length}`),
    iconButton("right", "The next version", () => actions.choose(node, 1), { disabled: at === beside.length - 1 })));
  row.append(iconButton("copy", "Copy", () => actions.copy(node)), iconButton("edit", isUser ? "Edit and ask again" : "Edit the answer", () => actions.edit(node)));
  if (isUser) return row;
  row.append(iconButton("again", "Answer again", () => actions.again(node)));
  if (actions.state.server.feedback && node.content) row.append(
    iconButton("up", "Good answer", () => actions.rate(node, "up"), { "aria-pressed": String(node.rating === "up") }),
    iconButton("down", "Bad answer", () => actions.rate(node, "down"), { "aria-pressed": String(node.rating === "down") }));
  if (node.figures) row.append(element("span", { class: "figures" }, node.figures));
  return row;
}

function editor(node, actions) {
  const box = element("textarea", { "aria-label": "Text of the message" });
  box.value = node.content;
  box.addEventListener("keydown", e => {
    if (e.key === "Escape") { e.stopPropagation(); actions.cancelEdit(node); }
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) actions.finishEdit(node, box.value);
  });
  return element("div", { class: "edit" }, box, element("div", { class: "row" },
    element("button", { type: "button", click: () => actions.cancelEdit(node) }, "Cancel"),
    element("button", { type: "button", class: "primary", click: () => actions.finishEdit(node, box.value) }, node.role === "user" ? "Ask" : "Keep")));
}
