// Single-key shortcuts: never while typing, never with a modifier, and all of them can be turned off.
import { byId } from "./dom.js";

const STORED = "cloister.shortcuts";
const keys = new Map();

export const shortcutsOn = () => localStorage.getItem(STORED) !== "off";
export const setShortcuts = (on) => localStorage.setItem(STORED, on ? "on" : "off");

export function shortcut(key, run) {
  keys.set(key.toLowerCase(), run);
}

export function listenForShortcuts() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]") || !shortcutsOn()) return;
    const run = keys.get(event.key.toLowerCase());
    if (!run) return;
    event.preventDefault();
    run(event);
  });
  const dialog = byId("shortcuts");
  const box = byId("shortcuts-on");
  box.checked = shortcutsOn();
  box.addEventListener("change", () => setShortcuts(box.checked));
  const open = () => { if (!dialog.open) dialog.showModal(); };
  byId("open-shortcuts").addEventListener("click", open);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  shortcut("?", open);
}

function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
    !/^(radio|checkbox|button)$/.test(target.type);
}
