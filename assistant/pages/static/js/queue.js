// The queue: walked and selected by keyboard. It refreshes itself (shell.js) without moving what is being read.
import { announce, byId, readIsland } from "./dom.js";
import { api } from "./api.js";
import { decideMany } from "./bulk.js";
import { tn } from "./i18n.js";
import { adapt, refreshNow } from "./refresh.js";
import { wireSavedFilters } from "./saved_filters.js";
import { shortcut } from "./shortcuts.js";
import { toast } from "./toast.js";

const { reject_reasons: reasons, query } = readIsland("queue-data");
const chosen = new Set();
let waiting = 0; // new lines that are not shown yet, because somebody is at work among those that are
let letIn = false;

const rows = () => [...document.querySelectorAll("#queue tbody tr")];
const boxes = () => [...document.querySelectorAll("#queue [data-choose]")];
const rowOf = (element) => element?.closest("tr[data-id]");

shortcut("j", () => walk(1));
shortcut("k", () => walk(-1));
shortcut("x", () => rowOf(document.activeElement)?.querySelector("[data-choose]")?.click());
shortcut("n", showFresh);
shortcut("f", () => byId("filter-text").focus());
adapt("queue", keepInPlace);
wireSavedFilters(query);

document.addEventListener("change", ({ target }) => {
  if (target.id === "choose-all") choose(boxes(), target.checked);
  else if (target.matches("[data-choose]")) choose([target], target.checked);
  else if (target.matches(".filters select, .filters input[type=checkbox]")) target.form.requestSubmit();
});
document.addEventListener("click", ({ target }) => {
  const seen = target.closest("[data-seen]");
  if (seen) see(seen.dataset.seen.split(" "));
});
document.addEventListener("swapped", ({ detail }) => { if (detail.id === "queue") showChosen(); });
byId("filters").addEventListener("submit", leaveOutEmpty);
byId("show-fresh").addEventListener("click", showFresh);
byId("bulk-clear").addEventListener("click", () => choose(boxes(), false));
byId("bulk-approve").addEventListener("click", () => decide("approve"));
byId("bulk-reject").addEventListener("click", () => decide("reject"));
byId("bulk-false-alarm").addEventListener("click", () => decide("false_alarm"));
showChosen();

function walk(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(rowOf(document.activeElement));
  const next = all[at === -1 ? 0 : Math.min(all.length - 1, Math.max(0, at + step))];
  next.querySelector(".row-link").focus();
}

function choose(which, on) {
  for (const { dataset: { id } } of which.map(rowOf)) if (on) chosen.add(id); else chosen.delete(id);
  showChosen();
}

/** Boxes, rows and the bar below say what is chosen; what can no longer be chosen is not. */
function showChosen() {
  const there = boxes();
  const ids = new Set(there.map((box) => rowOf(box).dataset.id));
  for (const id of [...chosen]) if (!ids.has(id)) chosen.delete(id);
  for (const box of there) {
    box.checked = chosen.has(rowOf(box).dataset.id);
    rowOf(box).classList.toggle("chosen", box.checked);
  }
  const all = byId("choose-all");
  if (all) {
    all.checked = there.length > 0 && chosen.size === there.length;
    all.indeterminate = chosen.size > 0 && !all.checked;
  }
  byId("bulk").hidden = chosen.size === 0;
  const unread = there.some((box) => box.checked && !("read" in rowOf(box).dataset));
  byId("bulk-unread").hidden = !unread;
  for (const id of ["bulk-approve", "bulk-false-alarm"]) byId(id).disabled = unread;
  byId("bulk-count").textContent = chosen.size ? tn("{n} item selected", "{n} items selected", chosen.size) : "";
}

async function decide(verdict) {
  const items = rows().filter((row) => chosen.has(row.dataset.id))
    .map((row) => ({ id: row.dataset.id, hash: row.dataset.hash, title: row.dataset.title, whose: row.dataset.whose }));
  if (await decideMany(items, verdict, reasons)) {
    chosen.clear();
    letIn = true;
    await refreshNow();
    showChosen();
  }
}

/** Whoever has the pointer, the focus or a selection in the table keeps its lines where they are. */
function keepInPlace(old, fresh) {
  const table = old.querySelector("table");
  const busy = table && !letIn && (chosen.size > 0 || table.matches(":hover") || table.contains(document.activeElement));
  letIn = false;
  if (!busy) { showWaiting(0); return; }
  const body = fresh.querySelector("tbody");
  if (!body) { fresh.replaceChildren(...old.cloneNode(true).childNodes); markGone(fresh, () => true); showWaiting(0); return; }
  const come = new Map([...body.rows].map((row) => [row.dataset.id, row]));
  const kept = [...table.tBodies[0].rows].map((row) => come.get(row.dataset.id) ?? gone(row.cloneNode(true)));
  const known = new Set(kept.map((row) => row.dataset.id));
  showWaiting([...come.keys()].filter((id) => !known.has(id)).length);
  body.replaceChildren(...kept);
}

function markGone(within, which) {
  for (const row of within.querySelectorAll("tbody tr")) if (which(row)) gone(row);
}

/** A line that left this part of the queue stays, struck through, until nobody is at work in the table. */
function gone(row) {
  row.classList.add("gone");
  row.classList.remove("chosen");
  row.querySelector(".choose")?.replaceChildren();
  return row;
}

function showWaiting(number) {
  const button = byId("show-fresh");
  if (number > waiting) announce(tn("{n} new item", "{n} new items", number));
  waiting = number;
  button.hidden = number === 0;
  button.textContent = tn("Show {n} new item", "Show {n} new items", number);
}

async function showFresh() {
  if (!waiting) return;
  letIn = true;
  await refreshNow();
}

async function see(ids) {
  try {
    await api("POST", "reviews/notices/seen", { ids });
    byId("notices").open = false;
    await refreshNow();
    byId("notices").querySelector("summary").focus();
  } catch (error) {
    toast(error.message, { kind: "danger" });
  }
}

/** The address says only what is filtered for. */
function leaveOutEmpty(event) {
  for (const control of event.target.elements) if (control.name && !control.value) control.disabled = true;
}

window.addEventListener("pageshow", () => { for (const control of byId("filters").elements) control.disabled = false; });
