// What an officer asks about a held answer, and the rep's answer to it. One form for the life of a run: the card
// around it is built anew as the waiting goes on, and nothing that is being typed may be lost by that.
import { h, icon, replaceWhenChanged } from "./dom.js";
import { field } from "./dialogs.js";
import { t } from "./i18n.js";
import { timeElement } from "./times.js";
import { forgetTyped, keepTyped } from "./typed.js";

const MOST = "4000";

export class HeldDialogue {
  /** `send(text)` posts the answer and answers whether it arrived. */
  constructor(send) {
    this.send = send;
    this.item = null;
    this.said = h("ol.dialogue-said", { "aria-live": "polite" });
    this.text = h("textarea", { name: "answer", rows: "2", maxlength: MOST, required: true });
    this.button = h("button.primary", { type: "submit" }, icon("send"), t("Answer the officer"));
    this.form = h("form", {}, field(t("Your answer"), this.text), h("div.actions", {}, this.button));
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    this.element = h("section.dialogue", { "aria-label": t("Questions of the officer") }, this.said, this.form);
  }

  /** The element for a held answer, null where nothing was asked. */
  show(held) {
    const said = held.dialogue ?? [];
    if (!said.length) return null;
    if (this.item !== held.item) {
      this.item = held.item;
      keepTyped(this.text, held.item, "answer");
    }
    replaceWhenChanged(this.said, said, () => said.map((one) => h(one.own ? "li.by-rep" : "li.by-officer", {},
      h("p.small.muted", {}, one.own ? t("You answered") : t("A compliance officer asks"), " ", timeElement(one.at)), h("p.said-text", {}, one.text))));
    this.form.hidden = !held.asked;
    return this.element;
  }

  async submit() {
    const text = this.text.value.trim();
    if (!text) { this.text.focus(); return; }
    this.button.disabled = true;
    if (await this.send(text)) {
      forgetTyped(this.item, "answer");
      this.text.value = "";
    }
    this.button.disabled = false;
  }
}
