// One question and its answer on the page.
import { h, icon, replaceWhenChanged } from "./dom.js";
import { t, tn } from "./i18n.js";
import { timeElement } from "./times.js";
import { renderAnswer, sourceLabel } from "./answer_view.js";
import { CustomerWaits } from "./customer_waits.js";
import { HeldDialogue } from "./held_dialogue.js";
import { answerPieces, citable, factRecords, isRewriting, isUnbegun, isUnderReview, isWaiting, isWorking } from "./run_model.js";
import { factTable } from "./sources.js";
import { offersAgain, stateCard } from "./state_card.js";

const PILLS = 4;
const UNBEGUN_SECONDS = 20;
const TYPES = () => ({ PERSON: t("Person"), ORGANIZATION: t("Organisation"), EMAIL: t("Mail address"), PHONE: t("Phone number"), ADDRESS: t("Address"), ACCOUNT: t("Account number"), CARD: t("Card number"), IBAN: t("IBAN"), TAX_ID: t("Tax number"), IP: t("IP address"), URL: t("Web address"), LOCATION: t("Place"), DATE_OF_BIRTH: t("Date of birth"), ID: t("Identity number"), USERNAME: t("User name"), SECRET: t("Password or key") });

export class RunView {
  /** `on` has openSource(view, n, button), copy, again, edit, rate(view, thumb), cancelHeld, answerOfficer(view, text),
   * customerWaits(view, waits). */
  constructor(model, on) {
    this.model = model;
    this.on = on;
    this.dialogue = new HeldDialogue((text) => on.answerOfficer(this, text));
    this.customerWaits = new CustomerWaits((waits) => on.customerWaits(this, waits));
    this.status = h("div.status");
    this.card = h("div.card-slot");
    this.facts = h("div.facts-slot");
    this.found = h("div.found-slot");
    this.answer = h("div.answer");
    this.actions = h("div.run-actions");
    this.reply = h("div.reply", {}, this.status, this.card, this.answer, this.actions, this.facts, this.found);
    this.asked = h("div.question-foot");
    this.element = h("article.run", { "aria-label": t("Question: {question}", { question: model.question.slice(0, 120) }) },
      h("h2.question", {}, model.question), this.asked, this.reply);
    this.render();
  }

  render() {
    const { model } = this;
    this.element.toggleAttribute("data-working", isWorking(model));
    this.reply.setAttribute("aria-busy", String(isWorking(model)));
    replaceWhenChanged(this.asked, [model.createdAt, model.scope], () => this.askedFoot());
    replaceWhenChanged(this.status, [model.stage, model.found, model.factCount, model.masked, model.receipt, model.done, model.held, model.resolution, model.outcome, model.connection, model.stopping, model.sources, model.sentences.length > 0, this.unbegun], () => this.statusRow());
    this.awaitBeginning();
    this.renderCard();
    replaceWhenChanged(this.facts, model.sources?.facts, () => this.factList());
    this.foldFacts();
    replaceWhenChanged(this.found, model.sources?.passages, () => this.pills());
    this.status.hidden = !statusText(model) && this.status.childElementCount < 2;
    this.card.hidden = !this.card.childElementCount;
    this.facts.hidden = !this.facts.childElementCount;
    this.found.hidden = !this.found.childElementCount;
    const pieces = answerPieces(model);
    renderAnswer(this.answer, pieces, {
      sources: citable(model.sources),
      openSource: (n, button) => this.on.openSource(this, n, button),
      writing: isWorking(model) && pieces.length > 0,
    });
    this.answer.hidden = !pieces.length;
    replaceWhenChanged(this.actions, [isWorking(model), isWaiting(model), isRewriting(model), pieces.length > 0, model.feedback, model.id, offersAgain(model)], () => this.actionRow(pieces.length > 0));
    this.actions.hidden = !this.actions.childElementCount;
  }

  /** Who asked is told when nobody begins for a while: a worker may be busy, or hang. */
  awaitBeginning() {
    if (!isUnbegun(this.model)) this.unbegun = false;
    else this.beginning ??= setTimeout(() => { this.unbegun = isUnbegun(this.model); this.render(); }, UNBEGUN_SECONDS * 1000);
  }

  /** The card is built anew; who is typing in it goes on typing, and who is on its button stays there. */
  renderCard() {
    const { model, dialogue, customerWaits } = this;
    const at = [dialogue, customerWaits].some(({ element }) => element.contains(document.activeElement)) ? document.activeElement : null;
    replaceWhenChanged(this.card, [model.held, model.resolution, model.outcome, model.retracted, model.done],
      () => stateCard(model, { cancel: () => this.on.cancelHeld(this), again: () => this.on.again(this), dialogue, customerWaits }) ?? []);
    if (at?.isConnected && at !== document.activeElement) at.focus({ preventScroll: true });
  }

  askedFoot() {
    return this.model.createdAt ? [timeElement(this.model.createdAt)] : [];
  }

  statusRow() {
    const { model } = this;
    const row = [h("span.now", {}, isWorking(model) ? h("span.spinner", { "aria-hidden": "true" }) : null, h("span", {}, statusText(model)))];
    if (this.unbegun && isUnbegun(model)) row.push(h("span.tag.warn", {}, icon("alert"), t("No part of the appliance works on it yet. It is answered as soon as one does; if this lasts, tell an administrator.")));
    if (model.connection === "lost" && !model.done) row.push(h("span.tag.warn", {}, icon("alert"), t("Connection lost. Trying again; nothing is lost.")));
    if (model.sources?.copied) row.push(h("span.tag.warn", { title: t("The CRM does not answer, so no record can be shown. These are copies of articles that are open to everyone; they may have changed since.") }, icon("alert"), t("Copies of articles only: the CRM does not answer")));
    else if (model.sources?.stale) row.push(h("span.tag.warn", { title: t("The index has not caught up with the CRM: a record that was just made may not be found yet. What is shown was read from the CRM now.") }, icon("alert"), t("Newest records may be missing")));
    if (isUnderReview(model)) row.push(h("span.tag.warn", {}, icon("clock"), t("Under review")));
    if (model.masked?.count) row.push(this.maskedChip());
    return row;
  }

  maskedChip() {
    const { masked: { count, types = {} }, receipt } = this.model;
    const names = TYPES();
    const counted = Object.entries(types).map(([type, n]) => h("li", {}, `${names[type] ?? type}: `, h("strong.num", {}, String(n))));
    const details = h("details.masked", { open: this.maskedOpen },
      h("summary.chip", {}, icon("mask"), maskedText(count, receipt)),
      h("div.masked-body", {},
        h("p", {}, receipt && !readByModel(receipt)
          ? t("No language model read them. You see the real values because you typed them or may see their records.")
          : t("The language model read placeholders in their place. You see the real values because you typed them or may see their records.")),
        receipt ? receiptTable(receipt, names) : h("ul", {}, counted)));
    details.addEventListener("toggle", () => { this.maskedOpen = details.open; });
    return details;
  }

  factList() {
    const records = factRecords(this.model.sources);
    if (!records.length) return [];
    const count = this.model.sources.facts.length;
    const words = records.length === 1 && records[0].title
      ? tn("{n} live fact of {title}", "{n} live facts of {title}", count, { title: records[0].title })
      : tn("{n} live fact of {records} records", "{n} live facts of {records} records", count, { records: records.length });
    this.fold = h("details.facts", {}, h("summary", {}, icon("chevron"), words),
      records.map((record) => h("div.fact-record", {}, records.length > 1 ? this.recordHead(record) : null, factTable(record))));
    this.fold.querySelector("summary").addEventListener("click", () => { this.factsOpen = !this.fold.open; });
    return this.fold;
  }

  recordHead(record) {
    if (record.n === null) return h("h3", {}, record.title);
    const open = (event) => this.on.openSource(this, record.n, event.currentTarget);
    return h("h3", {}, h("button.cite", { type: "button", "aria-label": sourceLabel(record), onclick: open }, String(record.n)), record.title);
  }

  /** Open while there is nothing else to read, one line when the answer has come; a person's own choice stays. */
  foldFacts() {
    if (!this.fold) return;
    const open = this.factsOpen ?? !answerPieces(this.model).length;
    if (this.fold.open !== open) this.fold.open = open;
  }

  pills() {
    const passages = this.model.sources?.passages ?? [];
    if (!passages.length) return [];
    const pill = (passage) => h("button", { type: "button", onclick: (event) => this.on.openSource(this, passage.n, event.currentTarget) },
      h("span.sr", {}, t("Source")), h("span.n", {}, String(passage.n)), h("span.t", {}, passage.title), passage.internal ? icon("lock") : null, passage.internal ? h("span.sr", {}, t("internal only")) : null);
    const more = passages.length - PILLS;
    return h("div.found", {}, passages.slice(0, PILLS).map(pill),
      more > 0 ? h("button.quiet", { type: "button", onclick: (event) => this.on.openSource(this, null, event.currentTarget) }, tn("{n} more", "{n} more", more)) : null);
  }

  actionRow(hasText) {
    const { model } = this;
    if (isWorking(model) || isWaiting(model) || isRewriting(model) || !model.id) return [];
    const button = (name, label, run, extra = {}) => h("button.quiet", { type: "button", onclick: run, ...extra }, icon(name), label);
    const thumb = (name, label, value) => h("button.quiet.icon-only", { type: "button", "aria-pressed": String(model.feedback?.thumb === value), title: label, onclick: () => this.on.rate(this, value) }, icon(name), h("span.sr", {}, label));
    return [
      hasText ? button("copy", t("Copy"), () => this.on.copy(this), { title: t("Copy with the sources") }) : null,
      offersAgain(model) ? null : button("again", t("Ask again"), () => this.on.again(this)),
      button("edit", t("Edit the question"), () => this.on.edit(this)),
      h("span.spacer"), thumb("up", t("Good answer"), "up"), thumb("down", t("Bad answer"), "down"),
    ];
  }
}

/** What the model read placeholders for, once that is known; until then, and where it read none, what was found. */
function maskedText(found, receipt) {
  const read = receipt ? readByModel(receipt) : 0;
  return read
    ? tn("{n} identity hidden from the model", "{n} identities hidden from the model", read)
    : tn("{n} identity masked in what was found", "{n} identities masked in what was found", found);
}

function readByModel({ prompt = {}, model = true }) {
  return model ? Object.values(prompt).reduce((sum, count) => sum + count, 0) : 0;
}

/** How many identities of which kind were asked with, stood before the model as placeholders, and were shown. */
function receiptTable({ question = {}, prompt = {}, shown = {}, model = true }, names) {
  const columns = [[t("In the question"), question], ...(model ? [[t("Before the model"), prompt]] : []), [t("In the answer"), shown]];
  const kinds = Object.keys(names).filter((kind) => columns.some(([, counts]) => counts[kind]));
  return h("table.receipt", {},
    h("thead", {}, h("tr", {}, h("td"), columns.map(([label]) => h("th.number", { scope: "col" }, label)))),
    h("tbody", {}, kinds.map((kind) => h("tr", {}, h("th", { scope: "row" }, names[kind]),
      columns.map(([, counts]) => h("td.number", {}, counts[kind] ? String(counts[kind]) : "–"))))));
}

/** Where the run is, in words, with real numbers. */
export function statusText(model) {
  if (model.stopping && isWorking(model)) return t("Stopping…");
  if (isWaiting(model)) return [counts(model), model.held.asked ? t("the officer waits for your answer") : t("waiting for a compliance officer")].filter(Boolean).join(" – ");
  if (!isWorking(model)) return counts(model);
  const doing = {
    accepted: t("Question accepted…"), searching: t("Searching the records you may see…"),
    checking: t("checking…"), writing: t("writing…"), weighing: t("weighing the answer…"),
  }[model.stage] ?? t("Sending…");
  return [counts(model), doing].filter(Boolean).join(", ");
}

function counts(model) {
  if (model.outcome?.kind === "nothing_found") return ""; // what was looked at is not about what was asked
  const found = model.sources ? model.sources.passages.length : model.found;
  const facts = model.sources ? model.sources.facts.length : model.factCount;
  return [
    found ? tn("{n} record found", "{n} records found", found) : null,
    facts ? tn("{n} live fact", "{n} live facts", facts) : null,
  ].filter(Boolean).join(", ");
}
