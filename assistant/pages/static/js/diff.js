// A word diff: the longest common subsequence of words, as `{kind: "same"|"del"|"ins", text}`.
const MAX_CELLS = 4_000_000;

export function wordDiff(before, after) {
  const a = words(before);
  const b = words(after);
  let head = 0;
  while (head < a.length && head < b.length && equal(a[head], b[head])) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && equal(a.at(-1 - tail), b.at(-1 - tail))) tail += 1;
  const middle = between(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  const parts = [...b.slice(0, head).map((text) => ["same", text]), ...middle, ...b.slice(b.length - tail).map((text) => ["same", text])];
  const merged = [];
  for (const [kind, text] of parts) {
    if (merged.at(-1)?.kind === kind) merged.at(-1).text += text;
    else merged.push({ kind, text });
  }
  return merged;
}

// a word keeps the space behind it, else single spaces would count as common and tear phrases apart
const words = (text) => text.match(/^\s+|[\p{L}\p{N}_]+\s*|[^\s\p{L}\p{N}_]\s*/gu) ?? [];
const equal = (a, b) => a === b || (a.trim() !== "" && a.trim() === b.trim() && a.includes("\n") === b.includes("\n"));

function between(a, b) {
  if (a.length * b.length > MAX_CELLS) return [...a.map((text) => ["del", text]), ...b.map((text) => ["ins", text])];
  const width = b.length + 1;
  const length = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      length[i * width + j] = equal(a[i], b[j]) ? length[(i + 1) * width + j + 1] + 1 : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  const parts = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && equal(a[i], b[j])) { parts.push(["same", b[j]]); i += 1; j += 1; }
    else if (j >= b.length || (i < a.length && length[(i + 1) * width + j] >= length[i * width + j + 1])) { parts.push(["del", a[i]]); i += 1; }
    else { parts.push(["ins", b[j]]); j += 1; }
  }
  return parts;
}
