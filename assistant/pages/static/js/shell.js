// What every page behind the sign-in does.
import { api } from "./api.js";
import { byId } from "./dom.js";
import { showRememberedDecision } from "./decided.js";
import { listenForShortcuts } from "./shortcuts.js";
import { offerThemes } from "./theme_choice.js";
import { keepTimes } from "./times.js";
import { keepFresh } from "./refresh.js";

offerThemes();
keepTimes();
listenForShortcuts();

// menus are <details>: one open at a time, closed by Escape and by a click elsewhere
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.preventDefault();
  }
});

// what was typed in this tab is for nobody who signs in after
document.querySelector("form[action='/sign-out']")?.addEventListener("submit", () => sessionStorage.clear());

const BADGE_SECONDS = 30;
const live = document.querySelector("[data-refresh]");
if (live) {
  const also = (live.dataset.refreshAlso ?? "").split(" ").filter(Boolean);
  keepFresh(live.id, Number(live.dataset.refresh), byId("pending-badge") ? ["pending-badge", ...also] : also);
}

showRememberedDecision();

/** The officer's badge on pages that do not refresh themselves. */
async function keepBadge(badge) {
  if (!document.hidden) {
    const { pending } = await api("GET", "reviews/badge").catch(() => ({ pending: null }));
    if (pending !== null) {
      badge.querySelector(".count").textContent = String(pending);
      badge.hidden = pending === 0;
    }
  }
  setTimeout(keepBadge, BADGE_SECONDS * 1000, badge);
}
if (byId("pending-badge") && !live) setTimeout(keepBadge, BADGE_SECONDS * 1000, byId("pending-badge"));
