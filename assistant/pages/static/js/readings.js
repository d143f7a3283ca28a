// Three readings of one text: what was asked, what the model saw, what will be shown; and the sources of the draft.
import { byId, h, icon, readIsland } from "./dom.js";
import { markedText } from "./highlights.js";
import { t, tn } from "./i18n.js";
import { sourceLabel } from "./answer_view.js";
import { citable, citedNumbers } from "./run_model.js";
import { sourceCards } from "./sources.js";

const { item } = readIsland("review-data");
const outgoing = item.kind !== "answer"; // no model wrote it
export const READINGS = ["asked", "saw", "shown"];

export function read(reading) {
  const marks = item.highlights;
  const isPrompt = reading === "saw";
  byId("prompt").hidden = !isPrompt;
  byId("draft").hidden = isPrompt || (reading === "shown" && !item.shown);
  const edit = byId("other-edit");
  if (edit) edit.hidden = reading !== "shown";
  byId("reading-note").textContent = {
    asked: t("The question as the rep typed it."),
    saw: outgoing ? t("How the text is kept: with placeholders, no identity. No language model has read it.")
      : t("Everything that the language model read, in this order. It read placeholders, no identity."),
    shown: shownNote(item.decision?.outcome),
  }[reading];
  if (isPrompt) byId("prompt").replaceChildren(...promptParts());
  else if (reading === "asked") byId("draft").replaceChildren(...markedText(item.asked, marks.asked ?? []));
  else byId("draft").replaceChildren(...markedText(item.shown, marks.shown ?? [], cite));
  const question = isPrompt ? [item.saw_question, marks.saw_question ?? []] : [item.asked, marks.asked ?? []];
  byId("question-text").replaceChildren(...markedText(...question));
  if (!isPrompt) showLegend(marks[reading] ?? []);
  else showLegend(outgoing ? marks.saw_draft ?? [] : inPrompt());
}

function shownNote(outcome) {
  if (outgoing && (!outcome || outcome === "approved" || outcome === "edited")) return t("What leaves the house. Identities are restored for you; that is recorded.");
  if (!outcome) return t("What the rep will read. Identities are restored for you; that is recorded.");
  if (outcome === "approved" || outcome === "edited") return t("What the rep reads. Identities are restored for you; that is recorded.");
  return t("The rep does not get to read it. Identities are restored for you; that is recorded.");
}

/** The prompt, part by part, and at its end, folded, what the model wrote. */
function promptParts() {
  const draft = markedText(item.saw_draft, item.highlights.saw_draft ?? [], cite);
  if (outgoing) return [h("section.prompt-part", {}, h("p.turn-text", {}, draft))];
  const last = item.saw.findLastIndex((part) => part.part === "question");
  const names = { instructions: t("Instructions"), source: t("Source"), answer: t("Earlier answer") };
  const parts = item.saw.map(({ part, text, highlights }, place) => h("section.prompt-part", { "data-part": part },
    h("h3", {}, names[part] ?? (place === last ? t("The question") : t("Earlier question"))),
    h("p.turn-text", {}, markedText(text, highlights))));
  if (!item.saw_draft) return parts;
  const wrote = h("details.wrote", { ontoggle: () => showLegend([...inPrompt(), ...(wrote.open ? item.highlights.saw_draft ?? [] : [])]) }, h("summary", {}, icon("chevron"), t("What it wrote, with placeholders")), h("p.turn-text", {}, draft));
  return [...parts, wrote];
}

const inPrompt = () => item.saw.flatMap((part) => part.highlights);

/** The legend names only what is marked beside it, and to be seen. */
function showLegend(marks) {
  const kinds = new Set(marks.map((mark) => mark.kind));
  for (const line of byId("legend").children) line.hidden = !kinds.has(line.dataset.kind);
  byId("legend").hidden = !kinds.size;
}

/** What the draft cites is open; the rest of what was found is one line. */
export function showSources() {
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
