/** The agent's standard output and error: one writer each, for a reader that may be slow or gone. */

/** What a stalled reader may make us hold; more is dropped, because logs must never cost the agent its memory. */
const LARGEST_BACKLOG_BYTES = 1 << 20;

/** A stream of lines that never throws and never grows without bound. */
export interface LineWriter {
  /** Writes `text` and a newline; false when it had to be dropped. */
  line(text: string): boolean;
  /** Resolves when what was written has left the process or never will. */
  flush(): Promise<void>;
}

/** A `LineWriter` over a process stream. After the first error (EPIPE: the reader left) all later text is dropped. */
export function lineWriter(stream: NodeJS.WritableStream & { readonly writableLength?: number }): LineWriter {
  let broken = false;
  stream.on('error', () => {
    broken = true;
  });
  return {
    line: (text) => {
      if (broken || (stream.writableLength ?? 0) > LARGEST_BACKLOG_BYTES) return false;
      stream.write(`${text}\n`);
      return true;
    },
    flush: () =>
      new Promise((resolve) => {
        if (broken || stream.writableLength === 0) resolve();
        else stream.write('', () => resolve());
      }),
  };
}

/** The agent's announcements, in Serf's form: `==> ` before a heading, four blanks before a detail. */
export interface Announcer {
  heading(text: string): void;
  /** An empty text is an empty line, without blanks. */
  detail(text: string): void;
  /** A heading that tells what went wrong. */
  error(text: string): void;
}

/** Headings and details go to `out`, errors to `err`. */
export function announcer(out: LineWriter, err: LineWriter): Announcer {
  return {
    heading: (text) => void out.line(`==> ${text}`),
    detail: (text) => void out.line(text === '' ? '' : `    ${text}`),
    error: (text) => void err.line(`==> ${text}`),
  };
}

/** The same as JSON lines, for whoever reads the output by program; errors stay text for people. */
export function jsonAnnouncer(out: LineWriter, err: LineWriter, now: () => Date): Announcer {
  const info = (msg: string): void => {
    const record = { level: 'INFO', time: now().toISOString(), source: 'agent', msg };
    if (msg !== '') out.line(JSON.stringify(record));
  };
  return {
    heading: info,
    detail: (text) => info(text.trim()),
    error: (text) => void err.line(`==> ${text}`),
  };
}
