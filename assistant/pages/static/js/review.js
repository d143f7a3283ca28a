// The review page: three readings of one answer, and a decision.
import { byId, h, icon, readIsland } from "./dom.js";
import { api } from "./api.js";
import { armedBy, rememberArrival } from "./armed.js";
import { rememberDecision } from "./decided.js";
import { ask, choices, field } from "./dialogs.js";
import { wordDiff } from "./diff.js";
import { markedText } from "./highlights.js";
import { t, tn } from "./i18n.js";
import { shortcut } from "./shortcuts.js";
import { sourceLabel } from "./answer_view.js";
import { citable, citedNumbers } from "./run_model.js";
import { sourceCards } from "./sources.js";
import { toast } from "./toast.js";

const { item, open } = readIsland("review-data");
let deciding = false;

showSources();
byId("reading").addEventListener("change", (event) => read(event.target.value));
read("shown");

const READINGS = ["asked", "saw", "shown"];
READINGS.forEach((reading, place) => shortcut(String(place + 1), () => {
  document.querySelector(`#reading input[value=${reading}]`).checked = true;
  read(reading);
}));
shortcut("q", () => location.assign("/queue"));
shortcut("j", next);
if (open) wire();
byId("undo")?.addEventListener("click", () => change("undo"));

function read(reading) {
  const marks = item.highlights;
  const isPrompt = reading === "saw";
  byId("prompt").hidden = !isPrompt;
  byId("draft").hidden = isPrompt || (reading === "shown" && !item.shown);
  byId("reading-note").textContent = {
    asked: t("The question as the rep typed it."),
    saw: t("Everything that the language model read, in this order. It read placeholders, no identity."),
    shown: shownNote(item.decision?.outcome),
  }[reading];
  if (isPrompt) byId("prompt").replaceChildren(...promptParts());
  else if (reading === "asked") byId("draft").replaceChildren(...markedText(item.asked, marks.asked ?? []).flat(Infinity));
  else byId("draft").replaceChildren(...markedText(item.shown, marks.shown ?? [], cite).flat(Infinity));
  const question = isPrompt ? [item.saw_question, marks.saw_question ?? []] : [item.asked, marks.asked ?? []];
  byId("question-text").replaceChildren(...markedText(...question));
  showLegend(isPrompt ? [...item.saw.flatMap((part) => part.highlights), ...question[1]] : [...marks[reading] ?? [], ...question[1]]);
}

function shownNote(outcome) {
  if (!outcome) return t("What the rep will read. Identities are restored for you; that is recorded.");
  if (outcome === "approved" || outcome === "edited") return t("What the rep reads. Identities are restored for you; that is recorded.");
  return t("The rep does not get to read it. Identities are restored for you; that is recorded.");
}

/** The prompt, part by part, and at its end, folded, what the model wrote. */
function promptParts() {
  const last = item.saw.findLastIndex((part) => part.part === "question");
  const names = { instructions: t("Instructions"), source: t("Source"), answer: t("Earlier answer") };
  const parts = item.saw.map(({ part, text, highlights }, place) => h("section.prompt-part", { "data-part": part },
    h("h3", {}, names[part] ?? (place === last ? t("The question") : t("Earlier question"))),
    h("p.turn-text", {}, markedText(text, highlights).flat(Infinity))));
  if (!item.saw_draft) return parts;
  const wrote = h("details.wrote", {}, h("summary", {}, icon("chevron"), t("What it wrote, with placeholders")),
    h("p.turn-text", {}, markedText(item.saw_draft, item.highlights.saw_draft ?? [], cite).flat(Infinity)));
  return [...parts, wrote];
}

/** The legend names only what is marked. */
function showLegend(marks) {
  const kinds = new Set(marks.map((mark) => mark.kind));
  for (const line of byId("legend").children) line.hidden = !kinds.has(line.dataset.kind);
  byId("legend").hidden = !kinds.size;
}

/** What the draft cites is open; the rest of what was found is one line. */
function showSources() {
  const cited = citedNumbers(`${item.saw_draft} ${item.shown}`);
  const cards = sourceCards(item.sources);
  const used = cards.filter((card) => cited.has(Number(card.dataset.n)));
  const others = cards.filter((card) => !used.includes(card));
  byId("review-sources").replaceChildren(...(used.length ? used : others));
  if (!used.length || !others.length) return;
  byId("other-sources").hidden = false;
  byId("other-sources-title").textContent = tn("{n} more source was found", "{n} more sources were found", others.length);
  byId("other-sources-list").replaceChildren(...others);
}

function cite(n) {
  const source = citable(item.sources).find((one) => one.n === n);
  if (!source) return `[${n}]`;
  const button = h("button.cite", { type: "button", "aria-label": sourceLabel(source) }, String(n));
  button.addEventListener("click", () => openSource(n, button));
  return button;
}

function openSource(n, from) {
  const card = document.querySelector(`.why-pane [data-n="${n}"]`);
  for (const other of document.querySelectorAll(".passage.shown")) other.classList.remove("shown");
  if (byId("other-sources").contains(card)) byId("other-sources").open = true;
  card.classList.add("shown");
  card.addEventListener("keydown", (event) => { if (event.key === "Escape") from.focus(); });
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

function wire() {
  const act = { approve, edit: startEditing, reject: () => reject(), "send-back": sendBack };
  for (const [id, run] of Object.entries(act)) byId(id).addEventListener("click", run);
  const armed = armedBy({ buttons: ["approve", "reject", "send-back"], pane: document.querySelector(".draft-pane"), hint: byId("armed-hint") });
  shortcut("a", armed(act.approve));
  shortcut("e", armed(act.edit));
  shortcut("r", armed(act.reject));
  byId("edit-text").addEventListener("input", showDiff);
  byId("edit-cancel").addEventListener("click", stopEditing);
  byId("edit-approve").addEventListener("click", approve);
  byId("claim")?.addEventListener("click", () => change("claim"));
  byId("release")?.addEventListener("click", () => change("release"));
}

async function change(what) {
  try {
    await api("POST", `reviews/${item.line.id}/${what}`, what === "release" ? fence() : {});
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

function startEditing() {
  if (byId("editor").hidden) byId("edit-text").value = item.shown;
  byId("editor").hidden = false;
  showDiff();
  byId("edit-text").focus();
}

function stopEditing() {
  byId("editor").hidden = true;
  byId("edit").focus();
}

function showDiff() {
  const parts = wordDiff(item.shown, byId("edit-text").value);
  const unchanged = parts.every((part) => part.kind === "same");
  byId("diff").replaceChildren(...(unchanged ? [h("span.muted", {}, t("Nothing yet."))] : parts.map(({ kind, text }) => (kind === "same" ? text : h(kind, {}, text)))));
}

async function reject() {
  if (deciding) return;
  const answer = await ask({
    title: t("Reject this answer"),
    body: [choices(t("Reason"), "reason", item.reject_reasons), field(t("Note for the rep (optional)"), h("textarea", { name: "note", rows: "3", maxlength: "2000" }))],
    confirm: t("Reject"), danger: true,
  });
  if (answer) decide("reject", { reason: answer.get("reason"), note: answer.get("note").trim() || null }, t("Rejected"));
}

async function sendBack() {
  if (deciding) return;
  const answer = await ask({
    title: t("Send back for another draft"),
    body: [field(t("What should the next draft do differently?"), h("textarea", { name: "note", rows: "4", maxlength: "2000", required: true, "data-first": true }))],
    confirm: t("Send back"),
  });
  const note = answer?.get("note").trim();
  if (note) decide("send-back", { note }, t("Sent back"));
}

async function decide(action, body, done, confirmed = false) {
  if (deciding) return;
  setDeciding(true);
  try {
    const status = await api("POST", `reviews/${item.line.id}/${action}`, { hash: item.hash, confirmed, ...fence(), ...body });
    const until = status.effective_after ? Date.parse(status.effective_after) : null;
    rememberDecision({ id: item.line.id, text: status.state === "pending" ? t("Your approval counts. Another officer must agree.") : done, until });
    next({ decided: true });
  } catch (error) {
    setDeciding(false);
    if (error.status === 409 && error.body.confirm) {
      if (await sure(error.message)) await decide(action, body, done, true);
      return;
    }
    moved(error);
  }
}

/** The claim that the page was loaded with: a decision on one that has ended since is refused. */
const fence = () => (item.fence ? { fence: item.fence } : {});

function sure(why) {
  return ask({ title: t("Are you sure?"), body: [h("p", {}, why), h("p", {}, t("Have you read all of it?"))], confirm: t("Yes, decide"), cancel: t("Read it again") });
}

function setDeciding(now) {
  deciding = now;
  for (const button of document.querySelectorAll("#decide button, #editor button")) button.disabled = now;
}

function moved(error) {
  toast(error.message, { kind: "danger", seconds: 20, action: error.status === 409 || error.status === 404 ? { label: t("Reload"), run: () => location.reload() } : null });
}

function next({ decided = false } = {}) {
  if (decided && item.next) rememberArrival(item.next);
  location.assign(item.next ? `/queue/${item.next}` : "/queue");
}
