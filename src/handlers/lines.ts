/** A line longer than this is cut: nothing a handler says is so long. */
export const MAX_LINE_BYTES = 65_536;

/** Cuts a stream of bytes into lines of bounded length; without their ends, invalid UTF-8 as U+FFFD. */
export class LineSplitter {
  #rest: Buffer[] = [];
  #restBytes = 0;

  /** The lines that end in `chunk`. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let at = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, at)) {
      this.#keep(chunk.subarray(at, end));
      lines.push(Buffer.concat(this.#rest).toString('utf8'));
      this.#rest = [];
      this.#restBytes = 0;
      at = end + 1;
    }
    this.#keep(chunk.subarray(at));
    return lines;
  }

  #keep(part: Buffer): void {
    const room = MAX_LINE_BYTES - this.#restBytes;
    if (part.length === 0 || room <= 0) return;
    const kept = part.subarray(0, room);
    this.#rest.push(kept);
    this.#restBytes += kept.length;
  }
}
