// Building DOM nodes. Data becomes text nodes and attributes, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** h("p.muted", {id: "x", onclick: f}, "text", node, [nodes]) – null and false children are left out. */
export function h(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, String(value));
  }
  append(element, children);
  return element;
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export const byId = (id) => document.getElementById(id);

/** Replaces the children only when `key` differs from the last time, so that focus and selection stay. */
export function replaceWhenChanged(element, key, build) {
  const text = JSON.stringify(key) ?? "";
  if (element.renderedKey === text) return false;
  element.renderedKey = text;
  const built = [build()].flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  element.replaceChildren(...built);
  return true;
}

export function readIsland(id) {
  const island = byId(id);
  return island ? JSON.parse(island.textContent) : null;
}

let cleared;
/** Says something to people who listen to the page. */
export function announce(text) {
  const region = byId("announcer");
  if (!region) return;
  clearTimeout(cleared);
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 50);
  cleared = setTimeout(() => { region.textContent = ""; }, 8000);
}
