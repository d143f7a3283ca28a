// An item that is being read, watched: what happens to it meanwhile is told, and who has it stands in the head.
import { announce, byId } from "./dom.js";
import { api } from "./api.js";
import { t } from "./i18n.js";
import { refusalWords } from "./refusals.js";
import { timeElement } from "./times.js";

const LOOK_SECONDS = 10;

export class Watch {
  /** `changed(words)` is called when the item itself is another than the page shows. */
  constructor(item, { changed }) {
    this.id = item.line.id;
    this.known = { hash: item.hash, round: item.round, remarks: item.remarks, approvals: item.line.approvals, waits: item.line.customer_waits_since };
    this.mine = item.line.mine; // claimed by its reader, or given to them
    this.holder = this.mine ? null : item.line.assignee;
    this.holderUntil = item.claimed_until;
    this.over = false;
    this.changed = changed;
  }

  /** Looks at once when the page is looked at again, and else every few seconds. */
  start() {
    setInterval(() => this.look(), LOOK_SECONDS * 1000);
    document.addEventListener("visibilitychange", () => this.look());
  }

  async look() {
    if (document.hidden || this.over) return;
    try {
      this.compare(await api("GET", `reviews/${this.id}/standing`));
    } catch (error) {
      if (error.status === 404) this.changed(t("This item is no longer in one of your queues."));
    }
  }

  compare(now) {
    const { known } = this;
    if (now.state !== "pending") {
      this.end(refusalWords({ detail: t("This item has been decided meanwhile."), state: now.state, winner: now.winner }));
      return;
    }
    if (now.hash !== known.hash || now.round !== known.round) {
      this.changed(t("The text of this item is another one now."));
    } else if (now.remarks > known.remarks) {
      known.remarks = now.remarks;
      this.changed(now.awaiting_rep ? t("Somebody has written about this item.") : t("Something new was said about this item or done with it, perhaps the rep has answered."));
    } else if (now.approvals !== known.approvals) {
      known.approvals = now.approvals;
      this.changed(t("Another number of officers has approved this item now."));
    }
    this.showWaits(now.customer_waits_since);
    const holder = now.mine ? null : now.holder;
    if (now.mine !== this.mine || holder !== this.holder || now.claimed_until !== this.holderUntil) {
      this.mine = now.mine;
      this.holder = holder;
      this.holderUntil = now.claimed_until;
      this.show();
    }
  }

  /** Told once: what was decided is read on the page as it is then. */
  end(words) {
    this.over = true;
    for (const fact of ["deadline", "held-by"]) byId(fact).hidden = true;
    this.changed(words);
  }

  showWaits(since) {
    if (Boolean(since) === Boolean(this.known.waits)) return;
    this.known.waits = since;
    byId("customer-waits").hidden = !since;
    byId("customer-waits-since").replaceChildren(...(since ? [timeElement(since)] : []));
    announce(since ? t("The customer is waiting for this item.") : t("The customer is no longer waiting for this item."));
  }

  show() {
    this.showHolder(this.holderUntil);
  }

  showHolder(until) {
    const who = this.mine ? t("you") : this.holder ?? t("nobody");
    byId("holder").replaceChildren(...(until ? [`${who}, ${t("ends")} `, timeElement(until)] : [who]));
  }
}
