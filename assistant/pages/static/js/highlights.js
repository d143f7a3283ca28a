// A text with marked stretches. Positions are code points, stretches may overlap.
import { h, icon } from "./dom.js";

const SYMBOLS = { rule: "alert", unsupported: "info", identity: "mask" };
const ORDER = ["rule", "unsupported", "identity"];

/** `cite(n)` makes a node of each `[n]`; without it they stay text. */
export function markedText(text, highlights, cite = null) {
  const points = [...text];
  const edges = new Set([0, points.length]);
  for (const { start, end } of highlights) { edges.add(start); edges.add(end); }
  const places = [...edges].filter((place) => place >= 0 && place <= points.length).sort((a, b) => a - b);
  const named = new Set();
  return places.slice(1).map((end, i) => {
    const start = places[i];
    const part = points.slice(start, end).join("");
    const over = highlights.filter((mark) => mark.start <= start && mark.end >= end);
    return over.sort((a, b) => ORDER.indexOf(b.kind) - ORDER.indexOf(a.kind)).reduce((node, mark) => {
      const first = !named.has(mark);
      named.add(mark);
      return h(`mark.mark.${mark.kind}`, { title: mark.label }, first ? icon(SYMBOLS[mark.kind] ?? "info") : null, first ? h("span.sr", {}, `${mark.label}: `) : null, node);
    }, cite ? withCitations(part, cite) : part);
  });
}

function withCitations(text, cite) {
  return text.split(/(\[\d{1,3}(?:\s*,\s*\d{1,3})*\])/).map((part, i) => (i % 2 ? part.slice(1, -1).split(",").map((n) => cite(Number(n))) : part));
}
