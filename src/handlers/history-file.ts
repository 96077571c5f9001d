import { readFileSync, statSync } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { messageOf } from '../base/errors.ts';
import { RUN_CAUSES, type RunRecord, type RunStore } from './history.ts';

/** Only the agent's user reads it: outputs of handlers may hold anything. */
const MODE = 0o600;
/** Grown by this much beyond what is worth keeping, the file is written anew. */
const MIN_SLACK_BYTES = 1 << 20;
/** A file larger than this is not one of ours. */
const MAX_FILE_BYTES = 64 << 20;
/** What may wait for a slow disk; beyond it lines are left out, and the file is written anew when the disk is back. */
const MAX_PENDING_BYTES = 4 << 20;

const STATES = ['running', 'ok', 'failed', 'interrupted'];

/**
 * Keeps records in a file of JSON lines: a run has a line when it starts and one when it ends, the later one counts.
 * A torn or foreign line costs itself, and a disk that fails costs the record of that time: the next write that works
 * puts everything there again.
 */
export class RunFile implements RunStore {
  readonly #path: string;
  readonly #warn: (text: string) => void;
  #file: FileHandle | undefined;
  #pending = '';
  #all: () => readonly RunRecord[] = () => [];
  #writing: Promise<void> | undefined;
  #sizeBytes = 0;
  #keptBytes = 0;
  #stale = false;
  #failing = false;
  #closed = false;

  /** @param warn told once when trouble begins, in whole sentences */
  constructor(path: string, warn: (text: string) => void) {
    this.#path = path;
    this.#warn = warn;
  }

  load(): readonly RunRecord[] {
    let text: string;
    try {
      const size = statSync(this.#path, { throwIfNoEntry: false })?.size;
      if (size === undefined) return [];
      if (size > MAX_FILE_BYTES) throw new Error(`larger than ${MAX_FILE_BYTES} bytes`);
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      this.#warn(`The record of handler runs cannot be read, it starts anew: ${messageOf(error)}`);
      this.#stale = true;
      return [];
    }
    this.#sizeBytes = Buffer.byteLength(text);
    const records = new Map<number, RunRecord>();
    let lost = 0;
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const record = recordOf(line);
      if (record === undefined) lost += 1;
      else records.set(record.id, record);
    }
    if (lost > 0) {
      this.#warn(
        `The record of handler runs '${this.#path}' has ${lost} lines that make no sense, they are left out`,
      );
      this.#stale = true;
    }
    // A last line without its end must not run into the next one.
    if (text !== '' && !text.endsWith('\n')) this.#stale = true;
    return [...records.values()].sort((a, b) => a.id - b.id);
  }

  save(record: RunRecord, all: () => readonly RunRecord[]): Promise<void> {
    this.#all = all;
    // Without its end on record a run counts as interrupted, which one that outlives the record is.
    if (this.#closed) return Promise.resolve();
    const line = `${JSON.stringify(record)}\n`;
    if (this.#pending.length + line.length > MAX_PENDING_BYTES) this.#stale = true;
    else this.#pending += line;
    this.#writing ??= this.#write();
    return this.#writing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
  }

  async #write(): Promise<void> {
    // Everything noted in one turn of the event loop becomes one write: the end of a run and the start of the next.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#pending !== '') {
      const text = this.#pending;
      this.#pending = '';
      try {
        if (this.#needsRewrite(text)) await this.#rewrite();
        else await this.#append(text);
        if (this.#failing) this.#warn('The record of handler runs is written again');
        this.#failing = false;
      } catch (error) {
        this.#stale = true;
        if (!this.#failing) this.#warn(`The record of handler runs cannot be written: ${messageOf(error)}`);
        this.#failing = true;
        await this.#file?.close().catch(() => {});
        this.#file = undefined;
      }
    }
    this.#writing = undefined;
  }

  #needsRewrite(text: string): boolean {
    return this.#stale || this.#sizeBytes + text.length > MIN_SLACK_BYTES + 2 * this.#keptBytes;
  }

  async #append(text: string): Promise<void> {
    this.#file ??= await open(this.#path, 'a', MODE);
    const bytes = Buffer.from(text);
    await this.#file.appendFile(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** Whole or not at all, and on the disk before it takes the old one's place. */
  async #rewrite(): Promise<void> {
    const beside = `${this.#path}.new`;
    const bytes = Buffer.from(
      this.#all()
        .map((record) => `${JSON.stringify(record)}\n`)
        .join(''),
    );
    await unlink(beside).catch(() => {});
    const file = await open(beside, 'wx', MODE);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, this.#path);
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
    this.#sizeBytes = bytes.length;
    this.#keptBytes = bytes.length;
    this.#stale = false;
  }
}

/** The record in a line, or undefined when it holds none. */
function recordOf(line: string): RunRecord | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isRecord(json) ? json : undefined;
}

type Facts = Readonly<Record<string, unknown>>;

function isRecord(json: unknown): json is RunRecord {
  if (typeof json !== 'object' || json === null) return false;
  const facts = json as Facts;
  const { id, handler, kind, cause, event, attempt, started, state } = facts;
  const optional: readonly (readonly [string, string])[] = [
    ['duration_ms', 'number'],
    ['exit', 'string'],
    ['step', 'string'],
    ['stdout', 'string'],
    ['stderr', 'string'],
    ['content', 'string'],
  ];
  return (
    Number.isSafeInteger(id) &&
    typeof handler === 'string' &&
    (kind === undefined || kind === 'renderer') &&
    RUN_CAUSES.some((known) => known === cause) &&
    typeof event === 'string' &&
    typeof attempt === 'number' &&
    typeof started === 'string' &&
    !Number.isNaN(Date.parse(started)) &&
    STATES.some((known) => known === state) &&
    optional.every(([name, type]) => facts[name] === undefined || typeof facts[name] === type)
  );
}
