// Texts of the modules: English in the source, the page's catalogue in a data island.
import { readIsland } from "./dom.js";

const catalogue = readIsland("messages") ?? {};
export const locale = document.documentElement.lang || "en";
const plurals = new Intl.PluralRules(locale);
const numbers = new Intl.NumberFormat(locale);

/** t("Held by {role}", {role}) */
export function t(text, values = {}) {
  const found = catalogue[text];
  return fill(typeof found === "string" ? found : text, values);
}

/** tn("{n} source", "{n} sources", 3) */
export function tn(one, many, n, values = {}) {
  const forms = Array.isArray(catalogue[one]) ? catalogue[one] : [one, many];
  return fill(forms[plurals.select(n) === "one" ? 0 : forms.length - 1], { n: numbers.format(n), ...values });
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
