// The text of an answer: blocks are kept while they do not change, so nothing jumps and focus stays.
import { h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { blockNode, toBlocks } from "./markdown.js";

/** Renders `pieces` into `element`. `sources` by number tell what may be cited; `openSource(n, button)` shows one. */
export function renderAnswer(element, pieces, { sources, openSource, writing = false }) {
  const blocks = toBlocks(pieces);
  const known = new Map(sources.map((source) => [source.n, source]));
  const cite = (n) => {
    const source = known.get(n);
    if (!source) return ""; // only what was in the prompt is cited
    const label = sourceLabel(source);
    const button = h("button.cite", { type: "button", "aria-label": label, title: label, "data-n": n }, String(n));
    button.addEventListener("click", () => openSource(n, button));
    return button;
  };
  const last = lastBlockOfPiece(blocks);
  blocks.forEach((block, place) => {
    const signature = JSON.stringify([block.kind, block.first, block.level, block.lines.map((line) => line.map((s) => [s.text, s.piece.supported])), [...known.keys()], writing && place === blocks.length - 1]);
    const old = element.children[place];
    if (old?.signature === signature) return;
    const ended = new Set();
    const node = blockNode(block, {
      cite,
      segmentNode: (piece, nodes) => {
        if (piece.supported !== false) return nodes;
        const marked = h("span.unsupported", {}, nodes);
        if (last.get(piece) !== block || ended.has(piece)) return marked;
        ended.add(piece);
        return [marked, h("span.tag.warn.unsupported-mark", { title: t("No source of this answer says this. Check it before you use it.") }, icon("alert"), t("No source"))];
      },
    });
    if (writing && place === blocks.length - 1) node.classList.add("writing");
    node.signature = signature;
    if (old) old.replaceWith(node);
    else element.append(node);
  });
  while (element.children.length > blocks.length) element.lastElementChild.remove();
}

/** What a source is called by those who listen, and on hover. */
export function sourceLabel({ n, title, live, internal }) {
  if (live) return t("Source {n}: {title}, live facts", { n, title });
  return internal ? t("Source {n}: {title}, internal only", { n, title }) : t("Source {n}: {title}", { n, title });
}

function lastBlockOfPiece(blocks) {
  const last = new Map();
  for (const block of blocks) for (const line of block.lines) for (const { piece } of line) last.set(piece, block);
  return last;
}
