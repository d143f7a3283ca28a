// The review page: three readings of one answer, and a decision.
import { byId, h, readIsland } from "./dom.js";
import { api } from "./api.js";
import { armedBy, rememberArrival } from "./armed.js";
import { rememberDecision } from "./decided.js";
import { ask } from "./dialogs.js";
import { wordDiff } from "./diff.js";
import { t } from "./i18n.js";
import { Lease } from "./lease.js";
import { movesOf } from "./moves.js";
import { READINGS, read, showSources } from "./readings.js";
import { refusalWords } from "./refusals.js";
import { shortcut } from "./shortcuts.js";
import { toast } from "./toast.js";
import { forgetAllTyped, forgetTyped, hasTyped, keepTyped, typed } from "./typed.js";
import { Watch } from "./watch.js";

const OFFERED_SECONDS = 20; // how long the next page offers to take back a vote that waits for another
const { item, open, pending, list } = readIsland("review-data");
const id = item.line.id;
let deciding = false;
let lease = null;
let forgetTold = () => {};

showSources();
byId("reading").addEventListener("change", (event) => read(event.target.value));
read("shown");

READINGS.forEach((reading, place) => shortcut(String(place + 1), () => {
  const choice = document.querySelector(`#reading input[value=${reading}]`);
  if (!choice) return;
  choice.checked = true;
  read(reading);
}));
shortcut("q", () => go(null));
shortcut("j", () => go(item.next));
shortcut("k", () => go(item.previous));
if (open) wire();
else forgetAllTyped(id);
if (pending && !open) new Watch(item, { changed: tellChanged }).start();
if (byId("undo")) {
  byId("undo").addEventListener("click", undo);
  shortcut("u", () => (document.querySelector("#toasts [aria-keyshortcuts=U]") ?? byId("undo")).click()); // the last one first
}

function wire() {
  lease = new Lease(item, { changed: tellChanged });
  const moves = movesOf(item, { decide, begun: () => lease.work() });
  const act = {
    approve, edit: () => startEditing(), reject: moves.reject, "send-back": moves.sendBack,
    "ask-rep": moves.askRep, reassign: moves.reassign, escalate: moves.escalate, "false-alarm": moves.falseAlarm,
  };
  for (const [button, run] of Object.entries(act)) {
    byId(button)?.addEventListener("click", () => { byId("more-moves").open = false; run(); });
  }
  const armed = armedBy({ buttons: ["approve", "reject", "send-back"], pane: document.querySelector(".draft-pane"), hint: byId("armed-hint") });
  const mine = (run) => armed(() => { if (!deciding && !lease.isClosed()) run(); });
  shortcut("a", mine(act.approve));
  shortcut("e", mine(act.edit));
  shortcut("r", mine(act.reject));
  shortcut("s", mine(act["send-back"]));
  shortcut("c", () => lease.toggle());
  byId("edit-text").addEventListener("input", showDiff);
  byId("edit-cancel").addEventListener("click", stopEditing);
  byId("edit-approve").addEventListener("click", approve);
  if (typed(id, "edit")) startEditing({ focus: false });
  keepTyped(byId("edit-text"), id, "edit");
}

/** What changed last; what was told of it before is past. */
function tellChanged(words) {
  forgetTold();
  forgetTold = toast(words, { seconds: 600, action: { label: t("Show it"), run: () => location.reload() } });
}

async function undo() {
  try {
    await api("POST", `reviews/${id}/undo`, {});
    location.reload();
  } catch (error) {
    moved(error);
  }
}

/** Approves what stands on the page: the edited text while the editor is open, else the draft. */
function approve() {
  const text = byId("editor").hidden ? item.shown : byId("edit-text").value.trim();
  if (!text) { toast(t("An answer without text cannot be approved. Reject it instead."), { kind: "danger" }); return; }
  if (text === item.shown) decide("approve", {}, t("Approved"));
  else decide("edit", { text }, t("Approved with edits"));
}

function startEditing({ focus = true } = {}) {
  if (byId("editor").hidden) byId("edit-text").value = typed(id, "edit") || item.shown;
  byId("editor").hidden = false;
  showDiff();
  if (!focus) return;
  byId("edit-text").focus();
  lease.work();
}

function stopEditing() {
  forgetTyped(id, "edit");
  byId("editor").hidden = true;
  byId("edit").focus();
}

function showDiff() {
  const parts = wordDiff(item.shown, byId("edit-text").value);
  const unchanged = parts.every((part) => part.kind === "same");
  byId("diff").replaceChildren(...(unchanged ? [h("span.muted", {}, t("Nothing yet."))] : parts.map(({ kind, text }) => (kind === "same" ? text : h(kind, {}, text)))));
}

/** Posts a decision or a move. With `stay` the item is looked at again, else the next one opens. */
async function decide(action, body, done, { confirmed = false, stay = false, final = true } = {}) {
  if (deciding) return;
  setDeciding(true);
  try {
    const status = await api("POST", `reviews/${id}/${action}`, { hash: item.hash, confirmed, ...(await lease.body()), ...body });
    const until = status.effective_after ? Date.parse(status.effective_after) : null;
    const waits = final && !stay && status.state === "pending";
    const gone = waits && status.taken_back;
    if (gone) rememberDecision({ id, text: t("Whoever wrote this text may decide no longer, so it is taken back. This is the draft again."), until: null });
    else if (waits) rememberDecision({ id, text: agreed(status), until: Date.now() + OFFERED_SECONDS * 1000, waits });
    else rememberDecision({ id, text: done, until });
    if (stay || gone) { forgetTyped(id, action); location.reload(); return; }
    forgetAllTyped(id);
    go(item.next, { decided: true });
  } catch (error) {
    setDeciding(false);
    if (error.status === 409 && error.body.confirm) {
      if (await sure(error.message)) await decide(action, body, done, { confirmed: true, stay, final });
      return;
    }
    moved(error);
  }
}

function agreed({ lapsed }) {
  return lapsed ? t("Your approval counts, an earlier one no longer does. Another officer must agree.") : t("Your approval counts. Another officer must agree.");
}

function sure(why) {
  return ask({ title: t("Are you sure?"), body: [h("p", {}, why), h("p", {}, t("Have you read all of it?"))], confirm: t("Yes, decide"), cancel: t("Read it again") });
}

function setDeciding(now) {
  deciding = now;
  for (const button of document.querySelectorAll("#decide button, #editor button")) button.disabled = now;
}

/** The item is not as it was: says how it is now and who was quicker. What was typed stays for the next try. */
async function moved(error) {
  await lease?.look();
  if (lease?.over) { tellChanged(lease.lost); return; }
  const named = lease?.holder ? { ...error.body, winner: null } : error.body; // the foot says who has it
  const words = error.body ? refusalWords(named) : error.message;
  const stale = error.status === 409 || error.status === 404;
  toast(words, { kind: "danger", seconds: 60, action: stale ? { label: t("Reload"), run: () => location.reload() } : null });
}

async function go(to, { decided = false } = {}) {
  if (decided && to) rememberArrival(to);
  if (!decided && !hasTyped(id)) await lease?.leave();
  location.assign(to ? `/queue/${to}${list}` : `/queue${list}`);
}
