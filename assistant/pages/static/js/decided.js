// A decision that was just taken: it can be undone until the server carries it out, on whatever page one is by then.
import { byId, h, icon } from "./dom.js";
import { api } from "./api.js";
import { t } from "./i18n.js";
import { shortcut } from "./shortcuts.js";
import { toast } from "./toast.js";

const STORED = "cloister.decided";

/** Remembers `{id, text, until, waits}` for the next page; `until` in milliseconds since 1970, null for no way back. With
 * `waits` nothing runs out: the decision waits for another officer's, and the way back is only offered so long. */
export function rememberDecision(decision) {
  sessionStorage.setItem(STORED, JSON.stringify(decision));
}

export function showRememberedDecision() {
  const stored = sessionStorage.getItem(STORED);
  if (!stored) return;
  const decision = JSON.parse(stored);
  if (decision.until === null) {
    sessionStorage.removeItem(STORED);
    toast(decision.text, { kind: "good" });
    return;
  }
  if (decision.until > Date.now()) offerUndo(decision);
  else sessionStorage.removeItem(STORED);
}

function offerUndo({ id, text, until, waits = false }) {
  const left = () => Math.max(0, Math.ceil((until - Date.now()) / 1000));
  const count = h("span.seconds.num", { "aria-hidden": "true", hidden: waits }, String(left()));
  const element = h("div.toast", { role: "status" }, icon("check"), h("p", {}, text), count,
    h("button", { type: "button", onclick: undo, "aria-keyshortcuts": "U" }, t("Undo"), h("kbd", { "aria-hidden": "true" }, "U")));
  const timer = setInterval(() => { count.textContent = String(left()); if (!left()) close(); }, 250);
  function close() {
    clearInterval(timer);
    element.remove();
    sessionStorage.removeItem(STORED);
  }
  async function undo() {
    if (!element.isConnected) return;
    close();
    try {
      await api("POST", `reviews/${id}/undo`, {});
      rememberDecision({ id, text: t("Taken back. Nothing was decided."), until: null });
      location.assign(`/queue/${id}`);
    } catch (error) {
      toast(error.message, { kind: "danger", seconds: 15 });
    }
  }
  shortcut("u", undo);
  byId("toasts").append(element);
}
