// The rep's word to the officers that the customer is waiting. One button for the life of a run, pressed and taken
// back: the card around it is built anew as the waiting goes on, and who is on the button stays on it.
import { h, icon } from "./dom.js";
import { t } from "./i18n.js";

export class CustomerWaits {
  /** `send(waits)` says it, and answers once the server has answered. */
  constructor(send) {
    this.held = null;
    this.sending = false;
    this.element = h("button.customer-waits", { type: "button" }, icon("hourglass"), t("The customer is waiting"));
    this.element.addEventListener("click", () => this.toggle(send));
  }

  /** The button for a held answer; it cannot be used before the server has said how it stands. */
  show(held) {
    this.held = held;
    this.element.disabled = typeof held.customer_waits !== "boolean";
    this.element.setAttribute("aria-pressed", String(held.customer_waits === true));
    this.element.title = held.customer_waits ? t("The officers see it. Press again to take it back.") : t("Tells the officers on duty, and comes first in the queue among what is as risky.");
    return this.element;
  }

  async toggle(send) {
    if (this.sending) return;
    this.sending = true;
    await send(!this.held.customer_waits);
    this.sending = false;
  }
}
