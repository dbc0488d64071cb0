// Markdown to elements. Text only ever becomes text nodes: nothing that a model writes is read as HTML, and links lead to a few schemes only.
import { element, icon } from "/page/elements.js";

const schemes = /^(https?:\/\/|mailto:)/i;
const longestInline = 50_000, deepest = 8; // beyond these, text is shown as it is

/** A fragment that shows the text. */
export function render(text) {
  const fragment = document.createDocumentFragment();
  blocks(linesOf(text), fragment, 0);
  return fragment;
}

const linesOf = text => text.replace(/\r\n?/g, "\n").split("\n");

/** A text that is still being written: at each change only its last blocks are made anew, so that a long answer costs what its length is, not its square. */
export class GrowingText {
  element = element("div", { class: "text" });
  #settled = 0; // characters that are shown by the first #kept elements
  #kept = 0;

  /** @param text what was shown before, and more */
  show(text) {
    while (this.element.childNodes.length > this.#kept) this.element.lastChild.remove();
    const tail = text.slice(this.#settled), starts = [];
    const lines = linesOf(tail);
    blocks(lines, this.element, 0, starts);
    // A block is settled when the line that the next one begins with is whole: until then it may go on.
    const settled = starts.findLastIndex((line, n) => n > 0 && line < lines.length - 1);
    // Line ends of two characters stay unsettled: a place in the lines would be no place in the text.
    if (settled < 1 || tail.includes("\r")) return;
    this.#kept += settled;
    for (let i = 0; i < starts[settled]; i++) this.#settled += lines[i].length + 1;
  }
}

const fence = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/, heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/, rule = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const quote = /^ {0,3}> ?(.*)$/, item = /^(\s{0,30})([-*+]|\d{1,9}[.)])(\s+|$)(.*)$/, divider = /^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

/** @param starts gets the first line of each block */
function blocks(lines, parent, depth, starts = []) {
  let i = 0;
  while (i < lines.length) {
    const line = lines[i];
    let match;
    if (!line.trim()) { i++; continue; }
    starts.push(i);
    if ((match = fence.exec(line))) { i = code(lines, i, match, parent); continue; }
    if ((match = heading.exec(line))) { parent.append(withInline(element("h" + match[1].length), match[2])); i++; continue; }
    if (rule.test(line)) { parent.append(element("hr")); i++; continue; }
    if (depth < deepest && quote.test(line)) {
      const inner = [];
      for (; i < lines.length && (match = quote.exec(lines[i])); i++) inner.push(match[1]);
      const box = element("blockquote");
      blocks(inner, box, depth + 1);
      parent.append(box);
      continue;
    }
    if (depth < deepest && item.test(line)) { i = list(lines, i, parent, depth); continue; }
    if (line.includes("|") && i + 1 < lines.length && lines[i + 1].includes("-") && divider.test(lines[i + 1])) { i = table(lines, i, parent); continue; }
    const words = [];
    do words.push(lines[i++].trim()); while (i < lines.length && lines[i].trim() && !begins(lines[i], depth));
    parent.append(withInline(element("p"), words.join("\n")));
  }
}

const begins = (line, depth) => fence.test(line) || heading.test(line) || rule.test(line) || (depth < deepest && (quote.test(line) || item.test(line)));

function code(lines, i, match, parent) {
  const inner = [], mark = match[1], language = match[2].trim().split(/\s+/)[0].slice(0, 30);
  for (i++; i < lines.length; i++) {
    const end = lines[i].trim();
    if (end.length >= mark.length && end === mark[0].repeat(end.length)) { i++; break; }
    inner.push(lines[i]);
  }
  const text = inner.join("\n");
  const copy = element("button", { type: "button", "aria-label": "Copy the code" }, icon("copy"), "Copy");
  copy.addEventListener("click", () => navigator.clipboard.writeText(text).then(() => { copy.lastChild.data = "Copied"; setTimeout(() => copy.lastChild.data = "Copy", 1500); }));
  parent.append(element("div", { class: "code" }, element("div", { class: "bar" }, element("span", {}, language || "text"), copy), element("pre", { tabindex: "0" }, element("code", {}, text))));
  return i;
}

function list(lines, i, parent, depth) {
  const first = item.exec(lines[i]), isOrdered = /\d/.test(first[2]);
  const box = element(isOrdered ? "ol" : "ul");
  if (isOrdered && parseInt(first[2]) !== 1) box.start = parseInt(first[2]);
  let match;
  while (i < lines.length && (match = item.exec(lines[i])) && /\d/.test(match[2]) === isOrdered && match[1].length <= first[1].length + 1) {
    const indent = match[1].length + match[2].length + Math.max(1, Math.min(4, match[3].length)), inner = [match[4]];
    let blank = false;
    for (i++; i < lines.length; i++) {
      const space = lines[i].length - lines[i].trimStart().length;
      if (!lines[i].trim()) { blank = true; inner.push(""); continue; }
      if (space <= match[1].length + 1 && (item.test(lines[i]) || blank || begins(lines[i], depth))) break;
      inner.push(lines[i].slice(Math.min(space, indent)));
      blank = false;
    }
    const entry = element("li");
    const task = /^\[([ xX])\]\s+/.exec(inner[0]);
    if (task) inner[0] = (task[1] === " " ? "☐ " : "☑ ") + inner[0].slice(task[0].length);
    blocks(inner, entry, depth + 1);
    box.append(entry);
  }
  parent.append(box);
  return i;
}

function table(lines, i, parent) {
  const cells = line => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map(c => c.trim().replaceAll("\\|", "|"));
  const align = cells(lines[i + 1]).map(c => c.endsWith(":") ? (c.startsWith(":") ? "center" : "right") : "");
  const row = (line, kind) => element("tr", {}, ...cells(line).slice(0, align.length).map((c, n) => withInline(element(kind, align[n] ? { class: align[n] } : {}), c)));
  const body = element("tbody"), box = element("table", {}, element("thead", {}, row(lines[i], "th")), body);
  for (i += 2; i < lines.length && lines[i].includes("|") && lines[i].trim(); i++) body.append(row(lines[i], "td"));
  parent.append(element("div", { class: "table", tabindex: "0" }, box));
  return i;
}

function withInline(parent, text) {
  if (text.length > longestInline) parent.append(text);
  else inline(text, parent, 0);
  return parent;
}

const pairs = [["**", "strong"], ["__", "strong"], ["~~", "del"], ["*", "em"], ["_", "em"]];
const special = /[`*_~[\\\n!]|https?:\/\//g;

function inline(text, parent, depth) {
  const hopeless = new Set(); // marks that have no other one behind: they are not looked for again, so that the work stays linear
  let at = 0, plain = 0;
  const flush = end => { if (end > plain) parent.append(text.slice(plain, end)); };
  const put = (node, end) => { flush(at); parent.append(node); at = plain = end; };
  while (at < text.length) {
    special.lastIndex = at;
    const found = special.exec(text);
    if (!found) break;
    at = found.index;
    const c = text[at];
    if (c === "\n") put(/ {2}$/.test(text.slice(Math.max(0, at - 2), at)) || depth === 0 ? element("br") : " ", at + 1);
    else if (c === "\\" && /[\\`*_~[\]()#+\-.!|>]/.test(text[at + 1] ?? "")) { flush(at); plain = at + 1; at += 2; }
    else if (c === "`") {
      let n = 1;
      while (text[at + n] === "`") n++;
      const mark = "`".repeat(n), end = hopeless.has(mark) ? -1 : text.indexOf(mark, at + n);
      if (end < 0) { hopeless.add(mark); at += n; }
      else put(element("code", {}, text.slice(at + n, end).replace(/^ (.*) $/s, "$1")), end + n);
    }
    else if (c === "h") {
      const url = /^https?:\/\/[^\s<>"'`]+/.exec(text.slice(at, at + 2000))?.[0].replace(/[.,;:!?)\]*_~]+$/, "");
      if (url && url.length > 8) put(link(url, url), at + url.length);
      else at++;
    }
    else if (c === "[" || (c === "!" && text[at + 1] === "[")) {
      const start = at + (c === "!" ? 2 : 1), rest = depth < deepest && !hopeless.has("[") ? /^([^[\]\n]{0,500})\]\(\s*<?([^\s()<>]{1,2000}(?:\([^\s()]{0,200}\)[^\s()]{0,200})?)>?(?:\s+"[^"\n]{0,200}")?\s*\)/.exec(text.slice(start, start + 3500)) : null;
      if (!rest) { if (text.indexOf("](", at) < 0) hopeless.add("["); at++; }
      else if (!schemes.test(rest[2])) put(rest[1], start + rest[0].length); // any other scheme, "javascript:" among them, is no link
      else put(link(rest[2], rest[1] || rest[2], depth), start + rest[0].length);
    }
    else {
      const pair = depth < deepest && pairs.find(([m]) => text.startsWith(m, at));
      const end = pair ? closer(text, at, pair[0], hopeless) : -1;
      if (end < 0) at += pair ? pair[0].length : 1;
      else {
        const node = element(pair[1]);
        inline(text.slice(at + pair[0].length, end), node, depth + 1);
        put(node, end + pair[0].length);
      }
    }
  }
  at = text.length;
  flush(at);
}

/** Where the mark at some place is closed; -1 if it opens nothing. */
function closer(text, at, mark, hopeless) {
  const n = mark.length, isWord = c => c !== undefined && /[\p{L}\p{N}]/u.test(c);
  if (hopeless.has(mark) || /\s/.test(text[at + n] ?? " ") || (mark[0] === "_" && isWord(text[at - 1]))) return -1;
  for (let tries = 0, end = at + n; tries < 50; tries++, end += n) {
    end = text.indexOf(mark, end);
    if (end < 0) { if (tries === 0) hopeless.add(mark); return -1; }
    if (end > at + n && !/\s/.test(text[end - 1]) && !(mark[0] === "_" && isWord(text[end + n])) && !(n === 1 && (text[end + 1] === mark || text[end - 1] === mark))) return end;
  }
  return -1;
}

function link(url, words, depth = deepest) {
  const node = element("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" });
  if (depth < deepest) inline(words, node, deepest - 1); else node.append(words);
  return node;
}
