import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 200;
const WATCH_MS = 100;

const COLOURS = { bold: 1, dim: 2, red: 31, green: 32, cyan: 36 };

/** The lines that differ, in order, each with `-` or `+` before it. */
export function difference(before, after) {
  const a = before.split('\n');
  const b = after.split('\n');
  // Longest common subsequence from the end; the files here have a few dozen lines.
  const longest = Array.from({ length: a.length + 1 }, () => new Array(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i][j] =
        a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const lines = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && longest[i + 1][j] >= longest[i][j + 1])) {
      lines.push(`- ${a[i]}`);
      i += 1;
    } else {
      lines.push(`+ ${b[j]}`);
      j += 1;
    }
  }
  return lines;
}

/** What the audience sees: sections, commands, files as they change, and expectations with the time each took. */
export class Show {
  #began = performance.now();
  #sectionBegan = this.#began;
  #coloured = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
  #watched = [];
  /** Every expectation so far: its title, whether it was met, and after how many seconds. */
  results = [];

  paint(colour, text) {
    return this.#coloured ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
  }

  seconds() {
    return (performance.now() - this.#began) / 1000;
  }

  line(text = '') {
    process.stdout.write(`${text}\n`);
  }

  section(title) {
    this.#sectionBegan = performance.now();
    this.line();
    this.line(this.paint('bold', `== ${title}`));
  }

  command(text) {
    this.line(this.paint('cyan', `   $ ${text}`));
  }

  output(text) {
    for (const line of text.trimEnd().split('\n')) this.line(`     ${line}`);
  }

  /** Prints what changes in a file, from now on. */
  follow(path, name) {
    const read = () => {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return '';
      }
    };
    let shown = read();
    watchFile(path, { interval: WATCH_MS }, () => {
      const text = read();
      if (text === shown) return;
      this.line(this.paint('dim', `   ${this.seconds().toFixed(1).padStart(5)} s  ${name} changes`));
      for (const change of difference(shown, text)) {
        this.line(`          ${this.paint(change.startsWith('+') ? 'green' : 'red', change)}`);
      }
      shown = text;
    });
    this.#watched.push(path);
  }

  /** Waits until `holds` says so, at most `limitS` seconds; tells how long it took since the section began. */
  async expect(title, limitS, holds) {
    const deadline = performance.now() + limitS * 1000;
    let met = await holds();
    while (!met && performance.now() < deadline) {
      await pause(POLL_MS);
      met = await holds();
    }
    const seconds = (performance.now() - this.#sectionBegan) / 1000;
    // A file that has just changed is shown before what is concluded from it.
    await pause(2 * WATCH_MS);
    this.results.push({ title, met, seconds });
    const mark = met ? this.paint('green', 'ok  ') : this.paint('red', 'FAIL');
    this.line(
      `   ${mark} ${title} ${this.paint('dim', met ? `(${seconds.toFixed(1)} s)` : `(not within ${limitS} s)`)}`,
    );
  }

  close() {
    for (const path of this.#watched) unwatchFile(path);
  }
}
