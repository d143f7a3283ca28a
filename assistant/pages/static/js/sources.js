// The panel at the right: the passages of one answer.
import { announce, byId, h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { timeElement } from "./times.js";

const KINDS = () => ({ account: t("Customer"), contact: t("Contact"), case: t("Case"), note: t("Note"), mail: t("Mail"), order: t("Order"), article: t("Article") });

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

  /** Lists the passages of a model. */
  show(model) {
    const key = JSON.stringify([model?.id, model?.sources?.passages]);
    this.model = model;
    const passages = model?.sources?.passages ?? [];
    this.count.textContent = passages.length ? String(passages.length) : "";
    if (this.key === key) return;
    this.key = key;
    this.body.replaceChildren(...(passages.length ? passages.map(passageCard) : [emptyText(model)]));
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
      announce(t("Source {n} of {total}", { n, total: model.sources.passages.length }));
    }
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  }
}

function emptyText(model) {
  const text = !model ? t("The passages an answer is built on are listed here.")
    : model.sources ? t("No text passages were used. The live facts are beside the question.") : t("Sources appear here as soon as they are found.");
  return h("p.sources-empty", {}, text);
}

export function passageCard(passage) {
  const kind = String(passage.entity ?? "").split(":")[0];
  const link = crmAddress(passage.url);
  return h("article.passage", { tabindex: "-1", "data-n": passage.n, "aria-label": t("Source {n}: {title}", { n: passage.n, title: passage.title }) },
    h("h3", {}, h("span.n", {}, String(passage.n)), h("span", {}, passage.title)),
    h("p.passage-foot", {}, h("span.tag", {}, KINDS()[kind] ?? kind), passage.field ? h("span", {}, passage.field) : null,
      passage.as_of ? h("span", {}, t("as of"), " ", timeElement(passage.as_of)) : null,
      passage.internal ? h("span.tag.warn", { title: t("Do not pass this text on to a customer.") }, icon("lock"), t("Internal only")) : null),
    h("p.passage-text", {}, passage.text),
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

