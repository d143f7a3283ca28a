// A text with marked stretches. Positions are code points; stretches may overlap, meet and lie in each other.
import { h, icon } from "./dom.js";

const SYMBOLS = { rule: "alert", unsupported: "info", identity: "mask" };
const ORDER = ["rule", "unsupported", "identity"];

/** Nodes and texts in order. `cite(n)` makes a node of each `[n]`; without it they stay text. */
export function markedText(text, highlights, cite = null) {
  const points = [...text];
  const say = (start, end) => {
    const part = points.slice(start, end).join("");
    return cite ? withCitations(part, cite) : part;
  };
  const marks = highlights.map(({ start, end, kind, label }) => ({ kind, label, start: Math.max(0, start), end: Math.min(points.length, end) }));
  return within(0, points.length, marks.filter(({ start, end }) => start < end), say).flat(Infinity);
}

/** One element a mark, with those that lie in it inside. What reaches out of another is cut there, and goes on behind it. */
function within(from, to, marks, say) {
  const nodes = [];
  const rest = [...marks];
  let done = from;
  while (rest.length) {
    rest.sort(outerFirst);
    const mark = rest.shift();
    const inner = [];
    for (const other of rest.splice(0)) {
      if (other.start >= mark.end) { rest.push(other); continue; }
      inner.push({ ...other, end: Math.min(other.end, mark.end), goesOn: other.end > mark.end || other.goesOn });
      if (other.end > mark.end) rest.push({ ...other, start: mark.end, goneOn: true });
    }
    nodes.push(say(done, mark.start), marked(mark, within(mark.start, mark.end, inner, say)));
    done = mark.end;
  }
  return [...nodes, say(done, to)];
}

const outerFirst = (a, b) => a.start - b.start || b.end - a.end || ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind);

function marked({ kind, label, goesOn, goneOn }, inner) {
  const element = h(`mark.mark.${kind}`, { title: label }, goneOn ? null : [icon(SYMBOLS[kind] ?? "info"), h("span.sr", {}, `${label}: `)], inner);
  element.classList.toggle("goes-on", Boolean(goesOn));
  element.classList.toggle("gone-on", Boolean(goneOn));
  return element;
}

function withCitations(text, cite) {
  return text.split(/(\[\d{1,3}(?:\s*,\s*\d{1,3})*\])/).map((part, i) => (i % 2 ? part.slice(1, -1).split(",").map((n) => cite(Number(n))) : part));
}
