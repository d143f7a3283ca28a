// Questions to the person, as native dialogs.
import { h, icon } from "./dom.js";
import { t } from "./i18n.js";

let number = 0;

/** Opens a form in a dialog. Resolves to its FormData, or null when it was closed. `cancel` null: nothing to choose. */
export function ask({ title, body = [], confirm, danger = false, cancel = t("Cancel") }) {
  number += 1;
  const titleId = `dialog-${number}`;
  const form = h("form", { method: "dialog" },
    h("div.dialog-head", {}, h("h2", { id: titleId }, title),
      h("button.quiet.icon-only", { value: "cancel", formnovalidate: true, type: "submit" }, icon("x"), h("span.sr", {}, t("Close")))),
    body,
    h("div.actions", {},
      cancel && h("button", { value: "cancel", formnovalidate: true, type: "submit" }, cancel),
      h(danger ? "button.danger" : "button.primary", { value: "ok", type: "submit" }, confirm)));
  // Enter in a field submits with the first submit button: make that the one that confirms
  form.prepend(h("button.sr", { value: "ok", type: "submit", tabindex: "-1", "aria-hidden": "true" }));
  const dialog = h("dialog.dialog", { "aria-labelledby": titleId }, form);
  document.body.append(dialog);
  const back = document.activeElement;
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const answer = dialog.returnValue === "ok" ? new FormData(form) : null;
      dialog.remove();
      if (back?.isConnected) back.focus();
      resolve(answer);
    });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close("cancel"); });
    dialog.showModal();
    (dialog.querySelector("[data-first]") ?? dialog.querySelector(danger ? "button[value=cancel].wide, .actions button" : ".actions .primary")).focus();
  });
}

export function field(label, control) {
  number += 1;
  control.id ||= `field-${number}`;
  return h("div.field", {}, h("label", { for: control.id }, label), control);
}

export function choices(legend, name, options) {
  return h("fieldset.choices", {}, h("legend", {}, legend),
    Object.entries(options).map(([value, label], place) =>
      h("label", {}, h("input", { type: "radio", name, value, required: true, "data-first": place === 0 }), h("span", {}, label))));
}
