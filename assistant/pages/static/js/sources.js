// The panel at the right: what one answer is built on.
import { announce, byId, h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { sourceLabel } from "./answer_view.js";
import { factRecords } from "./run_model.js";
import { timeElement } from "./times.js";

const KINDS = () => ({ account: t("Customer"), contact: t("Contact"), case: t("Case"), note: t("Note"), mail: t("Mail"), order: t("Order"), product: t("Product"), article: t("Article") });

export class SourcesPanel {
  constructor(openPanel) {
    this.body = byId("sources");
    this.count = byId("sources-count");
    this.openPanel = openPanel;
    this.model = null;
    this.back = null;
    this.body.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.back?.isConnected) return;
      event.stopPropagation();
      event.preventDefault();
      this.back.focus();
    });
    this.show(null);
  }

  /** Lists the sources of a model: live facts, then passages. */
  show(model) {
    const key = JSON.stringify([model?.id, model?.sources]);
    this.model = model;
    const count = sourceCount(model);
    this.count.textContent = count ? String(count) : "";
    if (this.key === key) return;
    this.key = key;
    this.body.replaceChildren(...(count ? sourceCards(model.sources) : [emptyText(model)]));
    this.body.scrollTop = 0;
  }

  /** Opens the panel at passage `n` (or at its top) and remembers where to return to. */
  reveal(model, n, from) {
    this.show(model);
    this.openPanel();
    this.back = from;
    for (const other of document.querySelectorAll(".cite[aria-pressed]")) other.removeAttribute("aria-pressed");
    for (const card of this.body.querySelectorAll(".shown")) card.classList.remove("shown");
    const card = n === null ? this.body.firstElementChild : this.body.querySelector(`[data-n="${n}"]`);
    if (!card) return;
    if (n !== null) {
      card.classList.add("shown");
      from?.classList.contains("cite") && from.setAttribute("aria-pressed", "true");
      announce(t("Source {n} of {total}", { n, total: sourceCount(model) }));
    }
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  }
}

function emptyText(model) {
  const text = !model ? t("The passages an answer is built on are listed here.")
    : model.sources ? t("Nothing was found that you may see.") : t("Sources appear here as soon as they are found.");
  return h("p.sources-empty", {}, text);
}

/** How many sources there are: a record's live facts count as one. */
export const sourceCount = (model) => (model?.sources?.passages.length ?? 0) + factRecords(model?.sources).length;

/** A card for each source; live facts come first, for they answer most questions. */
export function sourceCards(sources) {
  return [...factRecords(sources).map(factCard), ...sources.passages.map(passageCard)];
}

const kindOf = (entity) => String(entity ?? "").split(":")[0];

function factCard(record) {
  const kind = kindOf(record.entity);
  const label = record.n === null ? t("Live facts of {title}", { title: record.title }) : sourceLabel(record);
  const read = record.facts.map((fact) => fact.as_of).filter(Boolean).sort()[0];
  return h("article.passage", { tabindex: "-1", "data-n": record.n, "aria-label": label },
    h("h3", {}, record.n === null ? null : h("span.n", {}, String(record.n)), h("span", {}, record.title || t("Live facts"))),
    h("p.passage-foot", {}, kind ? h("span.tag", {}, KINDS()[kind] ?? kind) : null, h("span", {}, t("live facts")), read ? h("span", {}, t("as of"), " ", timeElement(read)) : null),
    factTable(record));
}

/** Facts of one record as names and values. */
export function factTable({ facts }) {
  return h("dl.fact-table", {}, facts.map((fact) => h("div", {}, h("dt", {}, fact.label), h("dd", {}, String(fact.value)))));
}

/** A passage of facts is lines of `name: value`; prose stays as it is. */
function passageText({ field, text }) {
  const lines = text.split("\n").filter((line) => line.trim());
  if (field !== "facts" || !lines.every((line) => line.includes(": "))) return h("p.passage-text", {}, text);
  const facts = lines.map((line) => ({ label: line.slice(0, line.indexOf(": ")), value: line.slice(line.indexOf(": ") + 2) }));
  return factTable({ facts });
}

export function passageCard(passage) {
  const kind = kindOf(passage.entity);
  const link = crmAddress(passage.url);
  return h("article.passage", { tabindex: "-1", "data-n": passage.n, "aria-label": sourceLabel(passage) },
    h("h3", {}, h("span.n", {}, String(passage.n)), h("span", {}, passage.title)),
    h("p.passage-foot", {}, h("span.tag", {}, KINDS()[kind] ?? kind), passage.field ? h("span", {}, passage.field) : null,
      passage.as_of ? h("span", {}, t("as of"), " ", timeElement(passage.as_of)) : null,
      passage.internal ? h("span.tag.warn", { title: t("Do not pass this text on to a customer.") }, icon("lock"), t("Internal only")) : null),
    passageText(passage),
    link ? h("p.passage-foot", {}, h("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, icon("external"), t("Open in the CRM"), h("span.sr", {}, t("(new tab)")))) : null);
}

/** The address comes from the CRM map; anything but http and https is not a link. */
function crmAddress(text) {
  if (!text) return null;
  try {
    const address = new URL(text, location.origin);
    return /^https?:$/.test(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}

