import { copyBytes, textOfBytes } from '../base/bytes.ts';

const NEWLINE = 0x0a;

/**
 * Cuts a file into lines, whatever the file holds. NUL bytes are ignored, since a crash of the host can leave blocks of
 * them; lines that are too long are left out; what follows the last newline is a line that was never finished.
 */
export class LineReader {
  readonly #limitBytes: number;
  readonly #take: (line: string) => void;
  readonly #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #wholeBytes = 0;
  #tooLong = 0;

  /** Lines of `limitBytes` and more, newline included, are left out. */
  constructor(limitBytes: number, take: (line: string) => void) {
    this.#limitBytes = limitBytes;
    this.#take = take;
  }

  /** Bytes read up to the last newline. */
  get wholeBytes(): number {
    return this.#wholeBytes;
  }

  /** Lines left out because of their length. */
  get tooLong(): number {
    return this.#tooLong;
  }

  /** Takes the next bytes; they are borrowed. */
  push(chunk: Uint8Array): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk, start, end);
      this.#finish();
      start = end + 1;
    }
    this.#keep(chunk, start, chunk.length);
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    this.#pendingBytes += to - from;
    if (this.#pendingBytes < this.#limitBytes) this.#pending.push(copyBytes(chunk, from, to));
    else this.#pending.length = 0;
  }

  #finish(): void {
    const bytes = Buffer.concat(this.#pending.splice(0));
    const tooLong = this.#pendingBytes >= this.#limitBytes;
    this.#wholeBytes += this.#pendingBytes + 1;
    this.#pendingBytes = 0;
    if (tooLong) this.#tooLong += 1;
    else this.#take(textOfBytes(bytes.includes(0) ? bytes.filter((byte) => byte !== 0) : bytes));
  }
}
