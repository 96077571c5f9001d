import { unreachable } from '../base/assert.ts';
import { bytesOfText, textOfBytes } from '../base/bytes.ts';
import type { ClientQueryRecord } from '../rpc/records.ts';
import type { CommandContext } from './command.ts';
import { compactJson, goJson } from './format.ts';
import { payloadJson } from './payload-json.ts';
import type { QueryOutcome } from './query-outcome.ts';
import { palette, printable, printableLines } from './style.ts';

/** How a query and what comes back are shown. */
export interface QueryReport {
  started(): void;
  record(record: ClientQueryRecord): void;
  finished(outcome: QueryOutcome): void;
}

/** Totals that Serf's text ends with. */
export interface Totals {
  readonly acks: number;
  readonly responses: number;
}

const NEWLINE = 0x0a;

/** An answer without the newline that every script's output ends with. */
function trimmed(payload: Uint8Array): Uint8Array {
  return payload.at(-1) === NEWLINE ? payload.subarray(0, payload.length - 1) : payload;
}

/** Serf's text (agent.md 15.4), line by line as answers come. A terminal gets no control characters of theirs. */
export function textReport(
  name: string,
  noAck: boolean,
  totals: Totals,
  { out, screen }: CommandContext,
): QueryReport {
  const paint = palette(screen.colours);
  const shown = (from: string): string => paint.bold(screen.interactive ? printable(from) : from);
  return {
    started: () => out.line(`Query '${name}' dispatched`),
    record: (record) => {
      switch (record.type) {
        case 'ack':
          out.line(paint.dim(`Ack from '${screen.interactive ? printable(record.from) : record.from}'`));
          return;
        case 'response': {
          const payload = trimmed(record.payload);
          const start = `Response from '${shown(record.from)}': `;
          if (screen.interactive) out.line(start + printableLines(textOfBytes(payload)));
          else out.bytes(Buffer.concat([bytesOfText(start), payload, Uint8Array.of(NEWLINE)]));
          return;
        }
        case 'silent':
          return;
        default:
          unreachable(record);
      }
    },
    finished: () => {
      if (!noAck) out.line(`Total Acks: ${totals.acks}`);
      out.line(`Total Responses: ${totals.responses}`);
    },
  };
}

/** Equal answers once, with how many gave them and who, the most frequent first. */
export function groupReport(name: string, { out, screen }: CommandContext): QueryReport {
  const paint = palette(screen.colours);
  return {
    started: () => out.line(`Query '${name}' dispatched`),
    record: () => undefined,
    finished: (outcome) => {
      for (const { names, payload } of groupAnswers(outcome.answers)) {
        const count = `${names.length} ${names.length === 1 ? 'node' : 'nodes'}`;
        const list = names.map((each) => (screen.interactive ? printable(each) : each)).join(', ');
        out.line(`\n${paint.bold(count)} ${paint.dim(`(${list})`)}:`);
        const text = textOfBytes(trimmed(payload));
        for (const line of (screen.interactive ? printableLines(text) : text).split('\n'))
          out.line(`    ${line}`);
      }
      if (outcome.answers.size === 0) out.line('\nNobody answered.');
    },
  };
}

interface Group {
  readonly names: readonly string[];
  readonly payload: Uint8Array;
}

function groupAnswers(answers: QueryOutcome['answers']): Group[] {
  const groups = new Map<string, { names: string[]; payload: Uint8Array }>();
  for (const [name, payload] of answers) {
    const key = textOfBytes(trimmed(payload));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { names: [name], payload });
    else group.names.push(name);
  }
  return [...groups.values()]
    .map(({ names, payload }) => ({ names: names.sort(), payload }))
    .sort((a, b) => b.names.length - a.names.length);
}

/** Serf's JSON, once at the end; with `grouped` equal answers once, and who is missing. */
export function jsonReport(grouped: boolean, { out }: CommandContext): QueryReport {
  return {
    started: () => undefined,
    record: () => undefined,
    finished: ({ acks, answers, missing, failed }) => {
      const Acks = acks.length === 0 ? null : acks;
      if (!grouped) {
        const Responses = new Map([...answers].map(([from, payload]) => [from, textOfBytes(payload)]));
        out.line(goJson({ Acks, Responses }));
        return;
      }
      const Groups = groupAnswers(answers).map(({ names, payload }) => ({
        Count: names.length,
        From: names,
        Payload: textOfBytes(payload),
      }));
      out.line(goJson({ Acks, Groups, Missing: missing, Failed: failed }));
    },
  };
}

/** One line of JSON for each record as it comes, and one at the end. */
export function linesReport({ out }: CommandContext): QueryReport {
  return {
    started: () => undefined,
    record: (record) => {
      if (record.type === 'ack') out.line(compactJson({ type: 'ack', from: record.from }));
      if (record.type !== 'response') return;
      out.line(compactJson({ type: 'response', from: record.from, ...payloadJson(record.payload) }));
    },
    finished: ({ acks, answers, missing, failed }) => {
      out.line(compactJson({ type: 'done', acks: acks.length, responses: answers.size, missing, failed }));
    },
  };
}
