// Short messages at the foot of the page; they are announced, and stay long enough to be acted upon.
import { byId, h, icon } from "./dom.js";
import { t } from "./i18n.js";

export function toast(text, { kind = "info", action = null, seconds = 8 } = {}) {
  for (const other of byId("toasts").children) if (other.dataset.text === text) other.remove(); // once is enough
  const element = h("div.toast", { role: kind === "danger" ? "alert" : "status", "data-text": text },
    icon(kind === "danger" ? "alert" : kind === "good" ? "check" : "info"), h("p", {}, text));
  let timer = null;
  const close = () => { clearTimeout(timer); element.remove(); };
  if (action) element.append(h("button", { type: "button", onclick: () => { close(); action.run(); } }, action.label));
  element.append(h("button.quiet.icon-only", { type: "button", onclick: close }, icon("x"), h("span.sr", {}, t("Dismiss"))));
  byId("toasts").append(element);
  const arm = () => { timer = setTimeout(close, seconds * 1000); };
  element.addEventListener("pointerenter", () => clearTimeout(timer));
  element.addEventListener("pointerleave", arm);
  element.addEventListener("focusin", () => clearTimeout(timer));
  element.addEventListener("focusout", arm);
  arm();
  return close;
}
