// Relative times with the exact time on hover.
import { h } from "./dom.js";
import { locale } from "./i18n.js";

const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
const STEPS = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [604800, "day", 86400], [2629800, "week", 604800], [31557600, "month", 2629800], [Infinity, "year", 31557600]];

export function inWords(date, now = Date.now()) {
  const seconds = (date.getTime() - now) / 1000;
  const [, unit, size] = STEPS.find(([limit]) => Math.abs(seconds) < limit);
  if (unit === "second") return relative.format(Math.abs(seconds) < 10 ? 0 : Math.round(seconds), "second");
  return relative.format(Math.trunc(seconds / size), unit);
}

/** A `<time>` element, or the text itself when it is not a time. */
export function timeElement(value) {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return document.createTextNode(String(value ?? ""));
  return h("time", { datetime: date.toISOString(), title: exact.format(date) }, inWords(date));
}

export function refreshTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const words = inWords(date);
    if (element.textContent !== words) element.textContent = words;
    const full = exact.format(date);
    if (element.title !== full) element.title = full;
  }
}

export function keepTimes() {
  refreshTimes();
  setInterval(() => { if (!document.hidden) refreshTimes(); }, 20000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refreshTimes(); });
}
