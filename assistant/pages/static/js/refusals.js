// Why a decision was not taken, in words: what the item is now, and who was quicker.
import { t } from "./i18n.js";

const STATES = () => ({
  approved: t("It is approved."), edited: t("It is approved with edits."), rejected: t("It is rejected."),
  sent_back: t("It was sent back for another draft."), expired: t("Its deadline has passed."), cancelled: t("The rep has taken it back."),
});

/** `problem` is what the API gave with its 409. */
export function refusalWords(problem) {
  if (problem.unread) {
    if (problem.seconds_open === undefined) return t("You have not read this text. Open it first.");
    return problem.seconds_open === null ? t("Its text is long, and you have not opened it. Open it and decide it there.")
      : t("Its text is long, and you opened it only a moment ago. Read it and decide it there.");
  }
  const parts = [problem.detail ?? t("The server answered with an error.")];
  if (STATES()[problem.state]) parts.push(STATES()[problem.state]);
  if (problem.winner) parts.push(problem.state === "pending" ? t("It is with {who}.", { who: problem.winner }) : t("Decided by {who}.", { who: problem.winner }));
  return parts.join(" ");
}
