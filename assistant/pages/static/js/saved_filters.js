// Filters of the queue that an officer has named.
import { byId, h } from "./dom.js";
import { api } from "./api.js";
import { ask, field } from "./dialogs.js";
import { t } from "./i18n.js";
import { toast } from "./toast.js";

export function wireSavedFilters(query) {
  byId("save-filter").addEventListener("click", () => save(query));
  for (const button of document.querySelectorAll("[data-forget]")) button.addEventListener("click", () => forget(button));
}

async function save(query) {
  const name = h("input", { name: "name", maxlength: "60", required: true, "data-first": true });
  const answer = await ask({ title: t("Save this filter"), body: [field(t("Name"), name), h("p.muted.small", {}, t("A filter of yours with the same name is replaced."))], confirm: t("Save") });
  const given = answer?.get("name").trim();
  if (!given) return;
  try {
    await api("POST", "reviews/filters", { name: given, ...query });
    location.reload();
  } catch (error) {
    toast(error.message, { kind: "danger" });
  }
}

async function forget(button) {
  const { forget: id, name } = button.dataset;
  const sure = await ask({ title: t("Delete the filter “{name}”?", { name }), confirm: t("Delete"), danger: true });
  if (!sure) return;
  try {
    await api("DELETE", `reviews/filters/${id}`);
    location.reload();
  } catch (error) {
    toast(error.message, { kind: "danger" });
  }
}
