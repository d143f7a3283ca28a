// Live parts of server-rendered pages: fetch the page again and swap what has changed, by id.
import { byId } from "./dom.js";
import { goToSignIn } from "./api.js";
import { refreshTimes } from "./times.js";

const seen = new Map();
const adapters = new Map();

/** `change(old, fresh)` may alter what is about to be put in place of `old`. */
export function adapt(id, change) {
  adapters.set(id, change);
}

/** Fetches `address` and swaps the elements with these ids. Answers whether the server was reached. */
export async function swapFrom(address, ids) {
  let response;
  try {
    response = await fetch(address, { headers: { Accept: "text/html" }, redirect: "follow", cache: "no-store" });
  } catch {
    return false;
  }
  if (new URL(response.url).pathname === "/sign-in") { goToSignIn(); return false; }
  if (!response.ok) return false;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ids) swap(id, page.getElementById(id));
  return true;
}

function swap(id, fresh) {
  const old = byId(id);
  if (!old || !fresh || old.matches("details[open]") || old.querySelector("details.menu[open]")) return;
  const before = seen.get(id) ?? withoutTimes(old);
  const node = document.adoptNode(fresh);
  adapters.get(id)?.(old, node);
  const key = withoutTimes(node);
  if (before === key) return;
  seen.set(id, key);
  const focused = old.contains(document.activeElement) ? focusKey(document.activeElement) : null;
  const scroll = old.scrollTop;
  refreshTimes(node);
  old.replaceWith(node);
  node.scrollTop = scroll;
  if (focused) node.querySelector(focused)?.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent("swapped", { detail: { id } }));
}

/** The markup without what only the clock changes. */
function withoutTimes(element) {
  return element.outerHTML.replace(/<time[^>]*>[^<]*<\/time>/g, (time) => /datetime="[^"]*"/.exec(time)?.[0] ?? "");
}

function focusKey(element) {
  const row = element.closest("[data-id]");
  if (element.id) return `#${CSS.escape(element.id)}`;
  if (!row) return null;
  const within = `[data-id="${CSS.escape(row.dataset.id)}"]`;
  return element === row ? within : `${within} ${element.tagName.toLowerCase()}`;
}

let refresh = async () => true;

/** Refreshes now, and not only at the next round. */
export const refreshNow = () => refresh();

export function keepFresh(id, seconds, others = []) {
  let failures = 0;
  const stale = byId("stale-notice");
  refresh = () => swapFrom(location.href, [id, ...others]);
  const run = async () => {
    if (!document.hidden) {
      failures = (await refresh()) ? 0 : failures + 1;
      if (stale) stale.hidden = failures < 2;
    }
    setTimeout(run, seconds * 1000);
  };
  setTimeout(run, seconds * 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
}
