// The side panes: drawers on narrow screens, columns on wide ones.
import { byId } from "./dom.js";

const wide = matchMedia("(min-width: 75rem)");

export function setPane(id, open, { focus = false } = {}) {
  const pane = byId(id);
  pane.dataset.open = String(open);
  for (const button of document.querySelectorAll(`[data-toggle="${id}"]`)) button.setAttribute("aria-expanded", String(open));
  byId("backdrop").hidden = !drawerOpen();
  if (focus) (open ? pane.querySelector("button, a, input") : document.querySelector(`[data-toggle="${id}"]`))?.focus();
}

export const isOpen = (id) => byId(id).dataset.open === "true";
export const hasRoom = () => wide.matches;

function drawerOpen() {
  const narrow = matchMedia("(max-width: 51.99rem)").matches;
  return (narrow && isOpen("conversations-pane")) || (!wide.matches && isOpen("sources-pane"));
}

export function listenForPanes() {
  for (const button of document.querySelectorAll("[data-toggle]")) {
    button.addEventListener("click", () => setPane(button.dataset.toggle, !isOpen(button.dataset.toggle), { focus: !hasRoom() }));
  }
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => setPane(button.dataset.close, false, { focus: true }));
  }
  const closeDrawers = () => { for (const id of ["conversations-pane", "sources-pane"]) if (isOpen(id)) setPane(id, false, { focus: true }); };
  byId("backdrop").addEventListener("click", closeDrawers);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !byId("backdrop").hidden) closeDrawers();
  });
  wide.addEventListener("change", () => { byId("backdrop").hidden = !drawerOpen(); });
}
