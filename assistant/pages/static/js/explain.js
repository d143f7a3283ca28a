// Why somebody sees a record, or does not: the rules of the map as they read, the index and the CRM's own check.
import { announce, h, icon } from "./dom.js";
import { api } from "./api.js";
import { t } from "./i18n.js";

/** Answers the form in `place`. Of two questions the later one is shown. */
export function explainIn(form, place) {
  let asked = 0;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const number = ++asked;
    const { login, record } = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
    place.setAttribute("aria-busy", "true");
    let shown;
    let sentence;
    try {
      const told = await api("POST", "explain", { login, record });
      [shown, sentence] = [explanation(told), told.sentence];
    } catch (error) {
      [shown, sentence] = [[notice("danger", "alert", h("p", {}, error.message))], error.message];
    }
    if (number !== asked) return;
    announce(sentence);
    place.removeAttribute("aria-busy");
    place.replaceChildren(...shown.filter(Boolean));
  });
}

function explanation(told) {
  return [
    verdict(told),
    told.drift.length ? notice("danger", "alert", h("div", {}, h("h3", {}, t("Not all say the same")), h("ul.faults", {}, told.drift.map((one) => h("li", {}, one))))) : null,
    ...readings(told.reading).map(rulesOf),
    told.user_known && told.exists ? said(told) : null,
  ];
}

function verdict(told) {
  const [kind, symbol] = !told.exists || !told.user_known ? ["warn", "search"] : told.sees ? ["good", "check"] : ["info", "lock"];
  return notice(kind, symbol, h("p", {}, told.sentence));
}

/** The record and those above it that a rule goes by, each once. */
function readings(reading, found = []) {
  if (!reading?.exists || found.some((one) => one.record === reading.record)) return found;
  found.push(reading);
  for (const rule of reading.rules) readings(rule.above, found);
  return found;
}

function rulesOf(reading, place) {
  const id = `rules-${place}`;
  const columns = [t("Rule"), t("For this user")];
  return h("div.rules", {},
    h("h3", { id }, place ? t("{record}, the record above", { record: reading.record }) : reading.record),
    reading.barred.map((one) => notice("warn", "lock", h("p", {}, one))),
    reading.rules.length ? h("div.table-wrap", { tabindex: "0", role: "group", "aria-labelledby": id },
      h("table", {}, h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, reading.rules.map((rule) => h("tr", {},
          h("th", { scope: "row" }, String(rule.number), h("div.small.muted", {}, t("line {line}", { line: rule.line }))),
          h("td", {},
            h("div.rule-head", {}, rule.holds ? tag("good", "check", t("Holds")) : tag("", "x", t("Does not hold")), h("strong", {}, rule.rule)),
            h("ul.why.small.muted", {}, rule.why.map((one) => h("li", {}, condition(one)))))))))) : h("p.muted", {}, t("No rule shows records of this kind.")));
}

/** Each for what it is: a rule that does not hold may ask for something that does. */
const condition = ({ holds, sentence }) => holds ? t("Holds: {sentence}", { sentence }) : t("Does not hold: {sentence}", { sentence });

/** What was compared besides the rules, and what they were compared with. */
function said(told) {
  const { index } = told;
  const finds = index.finds ? t("finds it: {keys}", { keys: index.shared.join(", ") }) : index.held ? t("has it, and does not find it for this user") : t("does not have it");
  const rows = [
    [t("The CRM's own check"), told.sees ? t("shows it; this is what counts") : t("hides it; this is what counts")],
    [t("The index"), finds],
    ...Object.entries(told.attributes).map(([name, values]) => [t("The user's {name}", { name }), values.join(", ") || "–"]),
    ...told.fields.map((field) => [t("Field {field}", { field: field.field }), mayRead(field)]),
  ];
  if (told.internal.length) rows.push([t("Not for customers"), told.internal.join(", ")]);
  return h("dl.pairs", {}, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function mayRead(field) {
  const values = { roles: field.roles.join(", "), line: field.line };
  return field.may_read
    ? t("read by {roles} (line {line}): the user reads it", values)
    : t("read by {roles} (line {line}): the user does not read it", values);
}

const notice = (kind, symbol, body) => h(`div.notice.${kind}`, {}, icon(symbol), body);
const tag = (kind, symbol, text) => h(kind ? `span.tag.${kind}` : "span.tag", {}, icon(symbol), text);
