// Making elements, without ever reading text as HTML.

/** An element with attributes and children, which are nodes or texts. */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter(c => c !== null && c !== undefined));
  return node;
}

const paths = {
  plus: "M12 5v14M5 12h14", close: "M6 6l12 12M18 6L6 18", menu: "M4 7h16M4 12h16M4 17h16", send: "M12 19V5M6 11l6-6 6 6", stop: "M7 7h10v10H7z", moon: "M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4", copy: "M9 9h11v11H9zM5 15H4V4h11v1", check: "M5 12l5 5 9-11",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4", again: "M20 11a8 8 0 1 0-2 6M20 5v6h-6", up: "M7 11v9H4v-9zM7 11l4-8c2 0 3 1 2.5 3L13 9h6a2 2 0 0 1 2 2.3l-1.2 7A2 2 0 0 1 18 20H7", down: "M17 13V4h3v9zM17 13l-4 8c-2 0-3-1-2.5-3l.5-3H5a2 2 0 0 1-2-2.3l1.2-7A2 2 0 0 1 6 4h11",
  left: "M14 6l-6 6 6 6", right: "M10 6l6 6-6 6", trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13", clip: "M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.5 3.5 0 0 1 5 5l-8.500 8.500a2 2 0 0 1-3-3L14 7", tool: "M14 6a4.500 4.500 0 0 0-5 6l-6 6 3 3 6-6a4.500 4.500 0 0 0 6-5l-3 2-3-3z",
  sliders: "M4 7h9M19 7h1M4 17h1M11 17h9M16 4.500v5M8 14.500v5", upload: "M12 16V4M7 9l5-5 5 5M4 20h16", download: "M12 4v12M7 11l5 5 5-5M4 20h16",
};

/** A picture out of lines. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg"), path = document.createElementNS(space, "path");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", fill: name === "stop" ? "currentColor" : "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" })) svg.setAttribute(key, value);
  path.setAttribute("d", paths[name]);
  svg.append(path);
  return svg;
}

/** A button that is a picture; its label is for screen readers and appears as a tip. */
export const iconButton = (name, label, click, more = {}) => element("button", { type: "button", "aria-label": label, title: label, click, ...more }, icon(name));

export const byId = id => document.getElementById(id);
