// What became of an answer that is not simply there: waiting, decided, refused, failed.
import { h, icon } from "./dom.js";
import { wordDiff } from "./diff.js";
import { t, tn } from "./i18n.js";
import { isWaiting, joined } from "./run_model.js";
import { timeElement } from "./times.js";

const REASONS = () => ({
  wrong_fact: t("A fact is wrong"), not_supported: t("The sources do not support it"), against_policy: t("It is against our policy"),
  legal: t("It is a legal risk"), personal_data: t("It reveals personal data"), tone: t("The tone is not right"), other: t("Another reason"),
  rights: t("Your rights have changed"), altered: t("The stored text was changed after it was approved"),
});

/** Reasons that no officer gave. */
const KEPT_BACK = { rights: true, altered: true };

const FAILED = () => ({
  "CRM user": t("Your sign-in is not known to the CRM"), CRM: t("The CRM cannot be reached"), assistant: t("The answer failed"),
  model: t("The language model failed"), door: t("The part that hides identities failed"), retrieval: t("The search failed"),
});

/** The card for a model, or null when the answer speaks for itself. */
export function stateCard(model, { cancel, again, dialogue, customerWaits }) {
  if (isWaiting(model)) return heldCard(model, { cancel, dialogue, customerWaits });
  if (model.resolution) return resolutionCard(model, again);
  if (model.outcome) return outcomeCard(model.outcome, again);
  if (model.retracted) return h("div", {}, h("p.withdrawn", {}, t("This answer was withdrawn.")), doNotUse(model));
  return null;
}

function card(kind, symbol, title, ...body) {
  return h(`section.state-card${kind ? `.${kind}` : ""}`, {}, h("h3", {}, icon(symbol), h("span", {}, title)), body);
}

/** The card of a decision, with its time at the end of its title. */
function decidedCard(at, ...parts) {
  const made = card(...parts);
  if (at) made.firstElementChild.append(timeElement(at));
  return made;
}

function heldCard({ held, draft, instruction }, { cancel, dialogue, customerWaits }) {
  const facts = [
    held.position ? h("div", {}, h("dt", {}, t("Place in the queue")), h("dd.num", {}, String(held.position))) : null,
    held.deadline ? h("div", {}, h("dt", {}, t("Deadline for a decision")), h("dd", {}, timeElement(held.deadline))) : null,
    typeof held.on_duty === "boolean" ? h("div", {}, h("dt", {}, t("Officer on duty")), h("dd", {}, held.on_duty ? t("Yes") : t("Not now"))) : null,
  ];
  return card("held", "clock", held.whole === false ? t("Held for review: the rest waits for a compliance officer") : t("Held for review: a compliance officer must see this first"),
    draft > 1 ? [h("p", {}, t("This is draft {n}: a compliance officer sent the one before it back.", { n: draft })), instruction ? h("blockquote", {}, instruction) : null] : null,
    (held.reasons ?? []).length ? h("ul", {}, held.reasons.map((reason) => h("li", {}, reason.sentence || reason.rule))) : null,
    held.reviewers > 1 ? h("p", {}, tn("{n} officer must approve it.", "{n} officers must approve it.", held.reviewers)) : null,
    h("dl", {}, facts),
    dialogue.show(held),
    h("p.muted.small", {}, held.whole === false ? t("What is shown so far may still be withdrawn. The sources stay yours to use.") : t("The answer appears here when it is released; you may close this page. The sources stay yours to use.")),
    h("div.actions", {}, customerWaits.show(held), h("button", { type: "button", onclick: cancel }, icon("x"), t("Cancel the request"))));
}

function resolutionCard(model, again) {
  const { kind, at, role, edited, reason, note, instruction } = model.resolution;
  const askAgain = h("div.actions", {}, h("button", { type: "button", onclick: again }, icon("again"), t("Ask again")));
  const withdrawn = model.retracted ? [h("p", {}, t("What had been shown of it was withdrawn.")), doNotUse(model)] : null;
  if (kind === "released") {
    const who = role === "officer" || !role ? t("a compliance officer") : role;
    return decidedCard(at, "good", "check", t("Released"), h("p", {}, edited ? t("Released by {who} after edits.", { who }) : t("Released by {who} as it was written.", { who })), edited ? editsOf(model) : null);
  }
  if (kind === "rejected") {
    return decidedCard(at, "danger", "x", t("Not released"), h("p", {}, reason in KEPT_BACK ? t("It had been approved, and is not released all the same.") : t("A compliance officer decided that this answer must not be used.")),
      reason ? h("p", {}, h("strong", {}, `${t("Reason")}: `), REASONS()[reason] ?? reason) : null, note ? h("blockquote", {}, note) : null, withdrawn);
  }
  if (kind === "sent_back") {
    const words = model.resolution.again && !model.outcome ? t("A compliance officer asked for another draft. It is written now and waits for review; it shows here if it is released.")
      : model.outcome ? t("A compliance officer asked for another draft, and none was written.") : t("A compliance officer asks you to put it differently.");
    return decidedCard(at, "", "back", t("Sent back"), h("p", {}, words), note || instruction ? h("blockquote", {}, note || instruction) : null,
      model.outcome ? [h("p", {}, model.outcome.sentence), askAgain] : null, withdrawn);
  }
  if (kind === "expired") return decidedCard(at, "", "clock", t("Not released in time"), h("p", {}, expiredWords(model.resolution.approvals)), withdrawn, askAgain);
  return decidedCard(at, "", "stop", model.held ? t("Request cancelled") : t("Stopped"), h("p", {}, model.held ? t("You took the request back before it was decided.") : t("You stopped this answer.")), withdrawn);
}

/** What its reader may have told somebody already, as it had been shown. */
function doNotUse({ withdrawn }) {
  if (!withdrawn.length) return null;
  return [h("p", {}, h("strong", {}, t("Do not use:"))), h("ul.do-not-use", {}, withdrawn.map(({ text }) => h("li", {}, h("del", {}, text.trim()))))];
}

/** `approvals` is how many officers had said yes; unknown where nobody counted. */
function expiredWords(approvals) {
  const before = approvals ? tn("One officer approved it, but another one, who must agree, did not decide before the deadline.", "{n} officers approved it, but another one, who must agree, did not decide before the deadline.", approvals)
    : approvals === 0 ? t("Nobody decided before the deadline.") : t("It was not decided before the deadline.");
  return `${before} ${t("The answer stays unreleased. Ask again if you still need it.")}`;
}

/** Whether the card itself has the button that asks once more. */
export function offersAgain({ resolution, outcome }) {
  if (resolution) return resolution.kind === "expired" || (resolution.kind === "sent_back" && Boolean(outcome));
  return outcome?.kind === "interrupted" || (outcome?.kind === "failed" && outcome.retry !== false);
}

/** What was edited: against what had been on the page; a draft that was held whole stays with the review. */
function editsOf(model) {
  const before = joined(model.sentences.filter(Boolean).map((sentence) => sentence.text)).trim();
  if (!before || typeof model.resolution.text !== "string") return h("p.muted.small", {}, t("You read the officer's wording; the draft before it was never shown."));
  return h("details.edits", {}, h("summary", {}, t("What was edited")),
    h("div.diff", {}, wordDiff(before, model.resolution.text).map(({ kind, text }) => (kind === "same" ? text : h(kind, {}, text)))));
}

function outcomeCard({ kind, sentence, reasons = [], part, retry }, again) {
  const button = h("div.actions", {}, h("button", { type: "button", onclick: again }, icon("again"), t("Try again")));
  if (kind === "refused") {
    return card("danger", "alert", t("Refused"), h("p", {}, sentence), reasons.length ? h("ul", {}, reasons.map((reason) => h("li", {}, typeof reason === "string" ? reason : reason.sentence))) : null);
  }
  if (kind === "nothing_found") return card("", "search", t("Nothing found"), h("p", {}, sentence));
  if (kind === "no_summary") return card("", "info", t("No summary"), h("p", {}, sentence));
  if (kind === "interrupted") return card("danger", "alert", t("Interrupted"), h("p", {}, sentence), button);
  return card("danger", "alert", FAILED()[part] ?? t("There is no answer: a part of this appliance failed"), h("p", {}, sentence), retry === false ? null : button);
}
