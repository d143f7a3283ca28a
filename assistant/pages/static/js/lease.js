// The claim on an item: taken when work on it begins, renewed while somebody is at it, and its end told calmly.
// A claim has a fence, which every decision names: one that was made on a lost claim is refused.
import { byId, h, icon } from "./dom.js";
import { api } from "./api.js";
import { t } from "./i18n.js";
import { refusalWords } from "./refusals.js";
import { inWords } from "./times.js";
import { Watch } from "./watch.js";

const IDLE_MINUTES = 5; // who does nothing for so long lets the claim run out

export class Lease extends Watch {
  constructor(item, options) {
    super(item, options);
    this.fence = item.fence;
    this.until = item.fence ? Date.parse(item.claimed_until) : null;
    this.onPurpose = Boolean(item.fence); // taken by the button, and not only because somebody began to write
    this.active = Date.now();
    this.taking = null;
    this.lost = ""; // how the last claim ended, until there is a new one
    for (const event of ["keydown", "pointerdown", "input"]) document.addEventListener(event, () => { this.active = Date.now(); });
    byId("claim").addEventListener("click", () => this.take({ focus: true }));
    byId("release").addEventListener("click", () => this.giveBack());
    this.show();
    this.start();
  }

  /** Another officer has it: whatever one does would be refused. */
  isAnothers() {
    return Boolean(this.holder) && !this.fence;
  }

  /** Nothing can be done with it any more, or not by its reader. */
  isClosed() {
    return this.over || this.isAnothers();
  }

  /** What a decision adds to its body. */
  async body() {
    await this.taking;
    return this.fence ? { fence: this.fence } : {};
  }

  /** Work begins: the claim is taken unless it is held already. Answers whether it is held now. */
  async work() {
    return this.fence ? true : this.take();
  }

  toggle() {
    return this.fence ? this.giveBack() : this.take({ focus: true });
  }

  async take({ focus = false } = {}) {
    if (this.over) return false;
    this.taking ??= this.claim(focus).finally(() => { this.taking = null; });
    return this.taking;
  }

  async claim(focus) {
    try {
      this.hold(await api("POST", `reviews/${this.id}/claim`, {}));
      if (focus) { this.onPurpose = true; byId("release").focus(); }
      return true;
    } catch (error) {
      this.lose(refusalWords(error.body ?? { detail: error.message }));
      this.look();
      return false;
    }
  }

  hold(status) {
    this.fence = status.fence ?? null;
    this.until = status.claimed_until ? Date.parse(status.claimed_until) : null;
    this.mine = true;
    this.holder = null;
    this.lost = "";
    this.show();
  }

  async giveBack() {
    const fence = this.fence;
    this.fence = null;
    this.until = null;
    try {
      await api("POST", `reviews/${this.id}/release`, { fence });
      this.mine = false;
      this.show();
      byId("claim").focus();
      await this.look(); // whom it was given to has it still
    } catch (error) {
      this.lose(error.message);
    }
  }

  /** Who goes on without a word does not keep others out, unless the item was taken on purpose. */
  async leave() {
    if (this.fence && !this.onPurpose) await api("POST", `reviews/${this.id}/release`, { fence: this.fence }).catch(() => {});
  }

  /** Looks how the item stands; renews the claim of somebody who is at work. */
  async look() {
    if (document.hidden) return;
    if (this.fence && this.until <= Date.now()) this.lose(t("Your claim has run out. What you have typed is kept."));
    if (this.fence && Date.now() - this.active < IDLE_MINUTES * 60_000) await this.renew();
    await super.look();
  }

  async renew() {
    try {
      this.hold(await api("POST", `reviews/${this.id}/claim`, { fence: this.fence }));
    } catch (error) {
      if (error.status === 409) this.lose(`${refusalWords(error.body)} ${t("What you have typed is kept.")}`);
    } // whatever else is wrong, looking at it tells
  }

  lose(words) {
    this.fence = null;
    this.until = null;
    this.mine = false;
    this.lost = words;
    this.show();
  }

  compare(now) {
    if (this.fence && !now.mine) this.lose(t("Your claim has ended. What you have typed is kept."));
    super.compare(now);
  }

  end(words) {
    super.end(words);
    this.lose(words);
  }

  show() {
    byId("acts").hidden = this.isClosed();
    byId("edit-approve").disabled = this.over;
    if (this.over) {
      byId("claim").hidden = byId("release").hidden = true;
      this.say(this.lost);
      return;
    }
    byId("claim").hidden = Boolean(this.fence) || Boolean(this.holder);
    byId("release").hidden = !this.fence;
    const until = this.fence ? this.until : this.holder && this.holderUntil ? Date.parse(this.holderUntil) : null;
    this.showHolder(until);
    this.say([this.lost, this.isAnothers() ? this.whose(until) : ""].filter(Boolean).join(" "));
  }

  whose(until) {
    if (!until) return t("This item was given to {who}.", { who: this.holder });
    return t("{who} has taken this item; it is free again {when}.", { who: this.holder, when: inWords(new Date(until)) });
  }

  say(words) {
    const note = byId("lease-note");
    note.hidden = !words;
    if (!words || note.dataset.words === words) return;
    note.dataset.words = words;
    note.dataset.kind = this.lost ? "warn" : "info";
    note.replaceChildren(icon(this.lost ? "alert" : "user"), h("span", {}, words));
  }
}
