// A small, safe subset of markdown, from pieces (sentences) to DOM nodes. There are no links and no images
// in it: what a model writes never becomes an address that a browser could ask.
import { h } from "./dom.js";

const HEADING = /^(#{1,4})\s+/;
const BULLET = /^\s*[-*•]\s+/;
const NUMBER = /^\s*\d{1,3}[.)]\s+/;
const QUOTE = /^\s*>\s?/;
const FENCE = /^\s*```/;
const INLINE = /`([^`\n]+)`|\*\*(?=\S)([^*]+?)\*\*|\*(?=\S)([^*\n]+?)\*|(?<![\w])_(?=\S)([^_\n]+?)_(?![\w])|!?\[([^\]\n]*)\]\(([^)\s]*)[^)]*\)|\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g;

/**
 * Blocks of a text given in pieces: `[{text, ...}]`. A piece may start with newlines; a line is a list of
 * segments `{text, piece}`, so that each sentence can be marked inside its paragraph.
 */
export function toBlocks(pieces) {
  const lines = [[]];
  for (const [place, piece] of pieces.entries()) {
    const before = pieces[place - 1]?.text;
    if (before && !/\s$/.test(before) && !/^\s/.test(piece.text)) lines.at(-1).push({ text: " ", piece: pieces[place - 1] });
    const parts = piece.text.replace(/\r\n?/g, "\n").split("\n");
    parts.forEach((text, place) => {
      if (place > 0) lines.push([]);
      if (text !== "") lines.at(-1).push({ text, piece });
    });
  }
  return group(lines);
}

function group(lines) {
  const blocks = [];
  let open = null;
  let fenced = null;
  const start = (kind, extra = {}) => { open = { kind, lines: [], ...extra }; blocks.push(open); };
  for (const line of lines) {
    const text = line.map((segment) => segment.text).join("");
    if (FENCE.test(text)) {
      if (fenced) fenced = null;
      else { start("code"); fenced = open; }
      open = fenced;
      continue;
    }
    if (fenced) { fenced.lines.push(line); continue; }
    if (text.trim() === "") { open = open && (open.kind === "ul" || open.kind === "ol") ? open : null; if (open) open.gap = true; continue; }
    if (HEADING.test(text)) {
      start("heading", { level: HEADING.exec(text)[1].length });
      open.lines.push(without(line, HEADING));
      open = null;
    } else if (BULLET.test(text)) {
      if (open?.kind !== "ul") start("ul");
      open.lines.push(without(line, BULLET));
      open.gap = false;
    } else if (NUMBER.test(text)) {
      if (open?.kind !== "ol") start("ol", { first: Number.parseInt(text.trim(), 10) });
      open.lines.push(without(line, NUMBER));
      open.gap = false;
    } else if (QUOTE.test(text)) {
      if (open?.kind !== "quote") start("quote");
      open.lines.push(without(line, QUOTE));
    } else if (open && (open.kind === "ul" || open.kind === "ol") && !open.gap) {
      open.lines.at(-1).push({ text: " ", piece: line[0].piece }, ...line);
    } else {
      if (open?.kind !== "paragraph") start("paragraph");
      open.lines.push(line);
    }
  }
  return blocks.filter((block) => block.lines.length);
}

/** Takes a marker from the front of a line, even where it spans two segments. */
function without(line, pattern) {
  let rest = pattern.exec(line.map((segment) => segment.text).join(""))[0].length;
  const kept = [];
  for (const segment of line) {
    const cut = Math.min(rest, segment.text.length);
    rest -= cut;
    if (cut < segment.text.length) kept.push({ text: segment.text.slice(cut), piece: segment.piece });
  }
  return kept;
}

/** One block as a node. `segmentNode(piece, nodes, isLast)` wraps what came from one piece; `cite(n)` makes a citation. */
export function blockNode(block, { segmentNode, cite }) {
  const inline = (line) => mergePieces(line).map(({ text, piece }) => segmentNode(piece, inlineNodes(text, cite)));
  switch (block.kind) {
    case "heading": return h(block.level <= 2 ? "h3" : "h4", {}, inline(block.lines[0]));
    case "ul": return h("ul", {}, block.lines.map((line) => h("li", {}, inline(line))));
    case "ol": return h("ol", { start: block.first > 1 ? block.first : null }, block.lines.map((line) => h("li", {}, inline(line))));
    case "quote": return h("blockquote", {}, block.lines.map((line, i) => [i ? h("br") : null, inline(line)]));
    case "code": return h("pre", { tabindex: "0" }, h("code", {}, block.lines.map((line) => line.map((s) => s.text).join("")).join("\n")));
    default: return h("p", {}, block.lines.map((line, i) => [i ? h("br") : null, inline(line)]));
  }
}

function mergePieces(line) {
  const merged = [];
  for (const segment of line) {
    if (merged.at(-1)?.piece === segment.piece) merged.at(-1).text += segment.text;
    else merged.push({ ...segment });
  }
  return merged;
}

export function inlineNodes(text, cite) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > from) nodes.push(text.slice(from, match.index));
    from = match.index + match[0].length;
    const [, code, bold, italic, underscored, label, , numbers] = match;
    if (code !== undefined) nodes.push(h("code", {}, code));
    else if (bold !== undefined) nodes.push(h("strong", {}, inlineNodes(bold, cite)));
    else if ((italic ?? underscored) !== undefined) nodes.push(h("em", {}, inlineNodes(italic ?? underscored, cite)));
    else if (label !== undefined) nodes.push(label);
    else nodes.push(...numbers.split(",").map((n) => cite(Number(n.trim()))));
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
}
