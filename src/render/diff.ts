/** Unchanged lines shown around a change. */
const CONTEXT_LINES = 3;

/** Edits looked for; beyond that what lies between the first and the last difference is shown as one change. */
const MOST_EDITS = 1_000;

interface Edit {
  readonly kind: ' ' | '-' | '+';
  readonly line: string;
}

/**
 * The difference of two texts as `diff -u` prints it; empty when there is none. Lines are compared whole, and a missing
 * end of the last line is told.
 */
export function unifiedDiff(path: string, before: string | undefined, after: string): string {
  if (before === after) return '';
  const edits = editsBetween(linesOf(before ?? ''), linesOf(after));
  const head = [`--- ${before === undefined ? '/dev/null' : path}`, `+++ ${path}`];
  return [...head, ...hunksOf(edits)].join('\n');
}

function linesOf(text: string): readonly string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  const last = lines.pop();
  return last === '' || last === undefined ? lines : [...lines, `${last}\n\\ No newline at end of file`];
}

function editsBetween(before: readonly string[], after: readonly string[]): readonly Edit[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  const room = Math.min(before.length, after.length) - start;
  while (end < room && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  const same = (line: string): Edit => ({ kind: ' ', line });
  return [
    ...before.slice(0, start).map(same),
    ...shortestEdits(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(same),
  ];
}

/** The fewest insertions and deletions (Myers 1986), found greedily by their number. */
function shortestEdits(a: readonly string[], b: readonly string[]): readonly Edit[] {
  const trail: Map<number, number>[] = [];
  let reach = new Map<number, number>([[1, 0]]);
  for (let d = 0; d <= Math.min(MOST_EDITS, a.length + b.length); d += 1) {
    trail.push(new Map(reach));
    for (let k = -d; k <= d; k += 2) {
      let x = startOf(reach, k, d);
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reach.set(k, x);
      if (x >= a.length && x - k >= b.length) return traced(a, b, trail);
    }
    reach = new Map(reach);
  }
  return [...a.map((line): Edit => ({ kind: '-', line })), ...b.map((line): Edit => ({ kind: '+', line }))];
}

/** Where diagonal `k` is entered with `d` edits: from the one that has come further. */
function startOf(reach: ReadonlyMap<number, number>, k: number, d: number): number {
  const down = reach.get(k + 1) ?? -1;
  const right = reach.get(k - 1) ?? -1;
  return k === -d || (k !== d && right < down) ? down : right + 1;
}

/** Walks the way back. */
function traced(
  a: readonly string[],
  b: readonly string[],
  trail: readonly ReadonlyMap<number, number>[],
): readonly Edit[] {
  const edits: Edit[] = [];
  let x = a.length;
  let y = b.length;
  for (let d = trail.length - 1; d >= 0; d -= 1) {
    const reach = trail[d] ?? new Map<number, number>();
    const k = x - y;
    const down = k === -d || (k !== d && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
    const fromX = reach.get(down ? k + 1 : k - 1) ?? 0;
    const fromY = fromX - (down ? k + 1 : k - 1);
    while (x > Math.max(fromX, 0) && y > Math.max(fromY, 0) && x > 0 && y > 0 && a[x - 1] === b[y - 1]) {
      edits.push({ kind: ' ', line: a[x - 1] ?? '' });
      x -= 1;
      y -= 1;
    }
    if (d === 0) break;
    if (down) edits.push({ kind: '+', line: b[y - 1] ?? '' });
    else edits.push({ kind: '-', line: a[x - 1] ?? '' });
    x = fromX;
    y = fromY;
  }
  return edits.reverse();
}

function hunksOf(edits: readonly Edit[]): readonly string[] {
  const out: string[] = [];
  let at = 0;
  let before = 1;
  let after = 1;
  while (at < edits.length) {
    const from = nextHunk(edits, at);
    if (from === undefined) break;
    for (; at < from; at += 1) {
      before += 1;
      after += 1;
    }
    const to = hunkEnd(edits, from);
    const hunk = edits.slice(from, to);
    const old = hunk.filter(({ kind }) => kind !== '+').length;
    const fresh = hunk.filter(({ kind }) => kind !== '-').length;
    out.push(`@@ -${range(before, old)} +${range(after, fresh)} @@`);
    out.push(...hunk.map(({ kind, line }) => `${kind}${line}`));
    before += old;
    after += fresh;
    at = to;
  }
  return out;
}

/** Where the hunk of the next change begins. */
function nextHunk(edits: readonly Edit[], from: number): number | undefined {
  const change = edits.findIndex(({ kind }, index) => index >= from && kind !== ' ');
  return change < 0 ? undefined : Math.max(from, change - CONTEXT_LINES);
}

/** Where a hunk ends: once nothing has changed for twice the context, its own context behind the last change. */
function hunkEnd(edits: readonly Edit[], from: number): number {
  let last = from;
  for (let at = from; at < edits.length && at - last <= 2 * CONTEXT_LINES + 1; at += 1) {
    if (edits[at]?.kind !== ' ') last = at;
  }
  return Math.min(edits.length, last + 1 + CONTEXT_LINES);
}

/** `3,2`; an empty range names the line before it. */
function range(start: number, count: number): string {
  return count === 1 ? String(start) : `${count === 0 ? start - 1 : start},${count}`;
}
