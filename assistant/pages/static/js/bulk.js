// Many items decided at once: asked once, with their number; then what became of each.
import { h, icon } from "./dom.js";
import { api } from "./api.js";
import { ask, choices } from "./dialogs.js";
import { t, tn } from "./i18n.js";
import { refusalWords } from "./refusals.js";
import { toast } from "./toast.js";

const AT_ONCE = 50;

/** `items` are {id, hash, title, whose}. Answers whether anything was asked of the server. */
export async function decideMany(items, verdict, reasons) {
  if (!items.length) return false;
  if (items.length > AT_ONCE) {
    toast(t("At most {n} items can be decided at once. Select fewer.", { n: AT_ONCE }), { kind: "danger" });
    return false;
  }
  const answer = await confirmed(items, verdict, reasons);
  if (!answer) return false;
  const wanted = { items: items.map(({ id, hash }) => ({ id, hash })), verdict, reason: answer.get("reason") };
  let outcomes;
  try {
    outcomes = await api("POST", "reviews/bulk", wanted);
  } catch (error) {
    toast(error.message, { kind: "danger", seconds: 20 });
    return false;
  }
  await showOutcomes(items, outcomes, verdict);
  return true;
}

function confirmed(items, verdict, reasons) {
  const n = items.length;
  const [title, confirm, what] = {
    approve: [tn("Approve {n} item?", "Approve {n} items?", n), tn("Approve {n}", "Approve {n}", n), t("Each text is released as it was written.")],
    reject: [tn("Reject {n} item?", "Reject {n} items?", n), tn("Reject {n}", "Reject {n}", n), t("None of them is released. Everybody who asked is told the same reason.")],
    false_alarm: [tn("Mark {n} item as a false alarm?", "Mark {n} items as false alarms?", n), tn("Release {n}", "Release {n}", n), t("Each text is released as it was written, and its rule learns that it should not have held it.")],
  }[verdict];
  const list = h("ul.chosen-items", {}, items.map(({ title: rules, whose }) => h("li", {}, rules, h("span.muted", {}, ` – ${whose}`))));
  const body = [h("p", {}, what), list];
  if (verdict === "reject") body.push(choices(t("Reason"), "reason", reasons));
  return ask({ title, body, confirm, danger: verdict === "reject" });
}

/** One line an item, with a way back for the seconds that there are. */
async function showOutcomes(items, outcomes, verdict) {
  const done = outcomes.filter((one) => !one.problem);
  const word = { approve: t("Approved"), reject: t("Rejected"), false_alarm: t("Released as a false alarm") }[verdict];
  if (done.length === outcomes.length && !done.some(canUndo)) {
    toast(tn("{n} item decided.", "{n} items decided.", done.length), { kind: "good" });
    return;
  }
  const titles = new Map(items.map(({ id, title, whose }) => [id, `${title} – ${whose}`]));
  const lines = outcomes.map((one) => line(one, titles.get(one.id), word));
  const title = done.length === outcomes.length ? tn("{n} item decided", "{n} items decided", done.length)
    : t("{done} of {all} decided", { done: done.length, all: outcomes.length });
  const timer = setInterval(() => { for (const { tick } of lines) tick(); }, 250);
  await ask({ title, body: [h("ul.outcomes", {}, lines.map(({ element }) => element))], confirm: t("Close"), cancel: null });
  clearInterval(timer);
}

const canUndo = (one) => one.effective_after && Date.parse(one.effective_after) > Date.now();

function line(one, title, word) {
  if (one.problem) {
    const element = h("li.refused", {}, icon("x"), h("a", { href: `/queue/${one.id}` }, title), h("span", {}, t("Not decided")), h("p.why", {}, refusalWords(one.problem)));
    return { element, tick: () => {} };
  }
  const state = h("span", {}, word);
  const seconds = h("span.num", { "aria-hidden": "true" });
  const undo = h("button", { type: "button" }, t("Undo"), h("span.sr", {}, `: ${title} `), seconds);
  const tick = () => {
    seconds.textContent = String(Math.max(0, Math.ceil((Date.parse(one.effective_after) - Date.now()) / 1000)));
    if (!canUndo(one)) undo.remove();
  };
  undo.addEventListener("click", async () => {
    undo.disabled = true;
    try {
      await api("POST", `reviews/${one.id}/undo`, {});
      state.textContent = t("Taken back");
    } catch (error) {
      state.textContent = error.message;
    }
    undo.remove();
  });
  tick();
  return { element: h("li.good", {}, icon("check"), h("span", {}, title), h("span", {}, state, " ", canUndo(one) ? undo : null)), tick };
}
