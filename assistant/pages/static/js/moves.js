// What an officer does with an item besides approving and editing it: each asks in a dialog and keeps what was typed.
import { h } from "./dom.js";
import { api } from "./api.js";
import { ask, choices, field } from "./dialogs.js";
import { t } from "./i18n.js";
import { toast } from "./toast.js";
import { keepTyped } from "./typed.js";

const MOST = "2000";

/** `decide(action, body, done, after)` posts; `begun()` is called when somebody begins to type. */
export function movesOf(item, { decide, begun }) {
  const id = item.line.id;
  const note = (name, label, { rows = "3", required = false, first = false } = {}) =>
    field(label, keepTyped(h("textarea", { name: "note", rows, maxlength: MOST, required, "data-first": first }), id, name, begun));
  const sentBack = item.kind === "answer"
    ? t("The question is answered once more, with your instruction beside it; a model may heed it or not, and a list that the CRM gives stays as it is. What comes waits here for review again. If nothing can be written, nothing is released. The rep reads your instruction.")
    : t("Whoever wrote it reads your instruction and may write another draft, which waits here for review again. Until then nothing is sent.");
  const noteOf = (answer) => answer.get("note").trim() || null;

  return {
    async reject() {
      const answer = await ask({
        title: t("Reject this answer"),
        body: [choices(t("Reason"), "reason", item.reject_reasons), note("reject", t("Note for the rep (optional)"))],
        confirm: t("Reject"), danger: true,
      });
      if (answer) await decide("reject", { reason: answer.get("reason"), note: noteOf(answer) }, t("Rejected"));
    },

    async sendBack() {
      const answer = await ask({
        title: t("Send back for another draft"),
        body: [h("p", {}, sentBack), note("send-back", t("What should the next draft do differently?"), { rows: "4", required: true, first: true })],
        confirm: t("Send back"),
      });
      if (answer && noteOf(answer)) await decide("send-back", { note: noteOf(answer) }, t("Sent back"));
    },

    async askRep() {
      const answer = await ask({
        title: t("Ask the rep"),
        body: [h("p", {}, t("The rep reads your question beside the held answer and can answer there. The item stays in the queue, and its deadline too.")),
          note("ask", t("Your question"), { required: true, first: true })],
        confirm: t("Ask"),
      });
      if (answer && noteOf(answer)) await decide("ask", { note: noteOf(answer) }, t("The rep is asked."), { stay: true });
    },

    async falseAlarm() {
      const answer = await ask({
        title: t("Approve as a false alarm"),
        body: [h("p", {}, t("The text is released as it is. The report of the rule counts that it should not have held this.")), note("false-alarm", t("Why (optional)"))],
        confirm: t("Release it"),
      });
      if (answer) await decide("false-alarm", { note: noteOf(answer) }, t("Released as a false alarm"));
    },

    async escalate() {
      const answer = await ask({
        title: t("Escalate to {queue}", { queue: item.escalates_to }),
        body: [h("p", {}, t("The officers of that queue are told. A claim on it ends.")), note("escalate", t("A word to them (optional)"), { first: true })],
        confirm: t("Escalate"),
      });
      if (answer) await decide("escalate", { note: noteOf(answer) }, t("Escalated to {queue}.", { queue: item.escalates_to }), { final: false });
    },

    async reassign() {
      let people;
      try {
        people = await api("GET", `reviews/${id}/colleagues`);
      } catch (error) {
        toast(error.message, { kind: "danger" });
        return;
      }
      if (!people.length) { toast(t("Nobody else of this queue could decide it.")); return; }
      const words = (one) => [one.name, one.here ? t("at the queue now") : one.on_duty ? t("on duty") : t("off duty")].join(" – ");
      const answer = await ask({
        title: t("Hand to a colleague"),
        body: [choices(t("Who"), "to", Object.fromEntries(people.map((one) => [one.login, words(one)]))), note("reassign", t("A word to them (optional)"))],
        confirm: t("Hand it over"),
      });
      if (!answer) return;
      const to = people.find((one) => one.login === answer.get("to"));
      await decide("reassign", { to: to.login, note: noteOf(answer) }, t("Handed to {name}.", { name: to.name }), { final: false });
    },
  };
}
