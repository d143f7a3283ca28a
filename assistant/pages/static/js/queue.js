// The queue: J and K walk through it. It refreshes itself (shell.js).
import { shortcut } from "./shortcuts.js";

const links = () => [...document.querySelectorAll(".row-link")];

function walk(step) {
  const all = links();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  all[at === -1 ? 0 : Math.min(all.length - 1, Math.max(0, at + step))].focus();
}

shortcut("j", () => walk(1));
shortcut("k", () => walk(-1));
