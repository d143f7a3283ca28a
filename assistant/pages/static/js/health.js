// The administrator's page: what waits for a decision, rows that are set aside, and who sees a record.
import { byId, h } from "./dom.js";
import { api } from "./api.js";
import { ask } from "./dialogs.js";
import { locale, t, tn } from "./i18n.js";
import { explainIn } from "./explain.js";
import { swapFrom } from "./refresh.js";
import { toast } from "./toast.js";

// the page swaps its own parts, so what is in them is listened to from outside
byId("health").parentElement.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.retry !== undefined) retry(button);
  if (button?.dataset.resolve) resolve(button);
});
explainIn(byId("explain"), byId("explained"));

async function retry(button) {
  await during(button, async () => {
    const { total } = await api("POST", "sync/retry");
    return tn("{n} row is tried again.", "{n} rows are tried again.", total);
  });
}

async function resolve(button) {
  const { kind, held, rows } = button.dataset;
  const deletes = button.dataset.resolve === "delete";
  const answer = await ask({
    title: deletes
      ? tn("Delete {n} row of “{kind}”?", "Delete {n} rows of “{kind}”?", Number(held), { kind })
      : tn("Keep {n} row of “{kind}”?", "Keep {n} rows of “{kind}”?", Number(held), { kind }),
    body: [
      h("p", {}, share(Number(held), Number(rows), kind)),
      h("p.muted", {}, deletes
        ? t("They leave the index. If the CRM has them again later, they are read again.")
        : t("They stay in the index until the CRM has them again. Nobody is shown them until then.")),
    ],
    confirm: deletes ? t("Delete them") : t("Keep them"),
    danger: deletes,
  });
  if (!answer) return;
  await during(byId(button.id) ?? button, async () => {
    const done = await api("POST", "sync/resolve", { entity: kind, allow_deletes: deletes });
    return deletes
      ? tn("{n} row of “{kind}” deleted.", "{n} rows of “{kind}” deleted.", done.rows, { kind })
      : tn("{n} row of “{kind}” kept.", "{n} rows of “{kind}” kept.", done.rows, { kind });
  });
}

/** How much of a kind is meant: a decision is made on numbers. */
function share(held, rows, kind) {
  const percent = rows ? Math.min(100, Math.max(1, Math.round((100 * held) / rows))) : 100;
  return t("The CRM no longer has {held} of the {rows} rows of “{kind}” in the index, {percent} %.", {
    held: held.toLocaleString(locale), rows: rows.toLocaleString(locale), kind, percent,
  });
}

/** Does something, says what came of it, and shows the page as it is then. */
async function during(button, act) {
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  try {
    toast(await act(), { kind: "good" });
  } catch (error) {
    toast(error.message, { kind: "danger", seconds: 15 });
  }
  button.removeAttribute("aria-busy");
  await swapFrom(location.href, ["health"]);
}
