// What a run's events add up to. Pure: no DOM, no clock.

const OUTCOMES = new Set(["refused", "nothing_found", "no_summary", "failed", "interrupted"]);
const RESOLUTIONS = new Set(["released", "rejected", "sent_back", "expired", "cancelled"]);

export function newModel({ id = null, question, created_at: createdAt = null, feedback = null, scope = null, events = [] }) {
  const model = {
    id, question, createdAt, scope, feedback,
    seq: 0, stage: null, found: null, factCount: null, masked: null, receipt: null, sources: null, sentences: [],
    held: null, resolution: null, outcome: null, retracted: false, withdrawn: [], draft: 1, instruction: null, done: false, connection: "open", stopping: false,
  };
  for (const event of events) apply(model, event);
  return model;
}

export function apply(model, { seq, kind, data, at = null }) {
  if (seq <= model.seq) return model;
  model.seq = seq;
  if (kind === "stage") {
    model.stage = data.name;
    model.found = data.found ?? model.found;
    model.factCount = data.facts ?? model.factCount;
  } else if (kind === "masked") model.masked = data;
  else if (kind === "receipt") model.receipt = data;
  else if (kind === "sources") model.sources = { passages: [], facts: [], ...data };
  else if (kind === "sentence") model.sentences[data.index] = data;
  else if (kind === "held") { model.held = data; model.resolution = null; }
  else if (kind === "asked") { if (model.held) model.held = { ...model.held, asked: true }; }
  else if (kind === "retracted") {
    model.retracted = true;
    if (model.sentences.length) model.withdrawn = model.sentences.filter(Boolean);
    model.sentences = [];
  }
  else if (kind === "done") model.done = true;
  else if (RESOLUTIONS.has(kind)) {
    model.resolution = { kind, at: data.at ?? at, ...data };
    if (kind === "sent_back") Object.assign(model, { draft: model.draft + 1, instruction: data.note ?? data.instruction ?? null });
  }
  else if (OUTCOMES.has(kind)) model.outcome = { kind, ...data };
  return model;
}

export const isWaiting = (model) => model.held !== null && model.resolution === null && !model.done;
export const isUnbegun = (model) => isWorking(model) && model.stage === "accepted" && !model.stopping;
export const isWorking = (model) => !model.done && model.resolution === null && model.held === null;
export const isRewriting = (model) => !model.done && model.resolution?.kind === "sent_back" && Boolean(model.resolution.again) && !model.outcome;
export const isUnderReview = (model) => isWaiting(model) && model.held.whole === false;

/** Sentences put together; where neither side of a joint has white space, a space is put there. */
export function joined(texts) {
  return texts.reduce((whole, text) => (whole === "" || /\s$/.test(whole) || /^\s/.test(text) ? whole + text : `${whole} ${text}`), "");
}

/** What is to be read, as pieces: sentences with their support, or the whole released text. */
export function answerPieces(model) {
  if (model.resolution?.kind === "released" && typeof model.resolution.text === "string") {
    return [{ text: model.resolution.text, supported: true, citations: model.resolution.citations ?? [] }];
  }
  if (isWaiting(model) && model.held.whole !== false) return [];
  return model.sentences.filter(Boolean);
}

/** Live facts by record: all facts of one record are one source with one number, null where none was given. */
export function factRecords(sources) {
  const records = new Map();
  for (const fact of sources?.facts ?? []) {
    const key = fact.n ?? `${fact.entity ?? ""} ${fact.title ?? ""}`;
    if (!records.has(key)) records.set(key, { n: fact.n ?? null, entity: fact.entity ?? "", title: fact.title ?? "", live: true, facts: [] });
    records.get(key).facts.push(fact);
  }
  return [...records.values()];
}

/** Everything that a citation may name: passages, then records with live facts. */
export const citable = (sources) => [...(sources?.passages ?? []), ...factRecords(sources).filter((record) => record.n !== null)];

/** The numbers that a text cites. */
export function citedNumbers(text) {
  return new Set([...text.matchAll(/\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g)].flatMap((match) => match[1].split(",").map(Number)));
}

/** The sources that the answer cites, by number. */
export function citedSources(model) {
  const cited = citedNumbers(joined(answerPieces(model).map((piece) => piece.text)));
  return citable(model.sources).filter((source) => cited.has(source.n)).sort((a, b) => a.n - b.n);
}

/** The answer as text, with its numbered sources below. */
export function asText(model, words) {
  const answer = joined(answerPieces(model).map((piece) => piece.text)).trim();
  const cited = citedSources(model);
  if (!cited.length) return answer;
  const lines = cited.map((source) => {
    const at = source.live ? source.facts[0].as_of : source.as_of;
    return [`[${source.n}] ${source.title}`, source.live ? words.liveFacts : source.field, at && `${words.asOf} ${plainTime(at)}`, source.internal && words.internal, source.url].filter(Boolean).join(" – ");
  });
  return `${answer}\n\n${words.sources}\n${lines.join("\n")}`;
}

/** `2026-01-31 09:00 UTC`: the same wherever the text is pasted. */
function plainTime(value) {
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? String(value) : `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
