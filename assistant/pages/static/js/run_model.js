// What a run's events add up to. Pure: no DOM, no clock.

const OUTCOMES = new Set(["refused", "nothing_found", "no_summary", "failed", "interrupted"]);
const RESOLUTIONS = new Set(["released", "rejected", "sent_back", "expired", "cancelled"]);

export function newModel({ id = null, question, created_at: createdAt = null, feedback = null, scope = null, events = [] }) {
  const model = {
    id, question, createdAt, scope, feedback,
    seq: 0, stage: null, found: null, factCount: null, masked: null, sources: null, sentences: [],
    held: null, resolution: null, outcome: null, retracted: false, done: false, connection: "open", stopping: false,
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
  else if (kind === "sources") model.sources = { passages: [], facts: [], ...data };
  else if (kind === "sentence") model.sentences[data.index] = data;
  else if (kind === "held") { model.held = data; model.resolution = null; }
  else if (kind === "retracted") { model.retracted = true; model.sentences = []; }
  else if (kind === "done") model.done = true;
  else if (RESOLUTIONS.has(kind)) model.resolution = { kind, at: data.at ?? at, ...data };
  else if (OUTCOMES.has(kind)) model.outcome = { kind, ...data };
  return model;
}

export const isWaiting = (model) => model.held !== null && model.resolution === null && !model.done;
export const isWorking = (model) => !model.done && model.resolution === null && model.held === null;
export const isUnderReview = (model) => isWaiting(model) && model.held.whole === false;

/** What is to be read, as pieces: sentences with their support, or the whole released text. */
export function answerPieces(model) {
  if (model.resolution?.kind === "released" && typeof model.resolution.text === "string") {
    return [{ text: model.resolution.text, supported: true, citations: model.resolution.citations ?? [] }];
  }
  if (isWaiting(model) && model.held.whole !== false) return [];
  return model.sentences.filter(Boolean);
}

/** The passages that the answer cites, by number. */
export function citedPassages(model) {
  const text = answerPieces(model).map((piece) => piece.text).join("");
  const cited = new Set([...text.matchAll(/\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g)].flatMap((match) => match[1].split(",").map(Number)));
  return (model.sources?.passages ?? []).filter((passage) => cited.has(passage.n));
}

/** The answer as text, with its numbered sources below. */
export function asText(model, words) {
  const answer = answerPieces(model).map((piece) => piece.text).join("").trim();
  const cited = citedPassages(model);
  if (!cited.length) return answer;
  const lines = cited.map((passage) => [`[${passage.n}] ${passage.title}`, passage.field, passage.as_of && `${words.asOf} ${passage.as_of}`, passage.internal && words.internal, passage.url].filter(Boolean).join(" – "));
  return `${answer}\n\n${words.sources}\n${lines.join("\n")}`;
}
