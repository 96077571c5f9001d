import { textOfBytes } from '../base/bytes.ts';
import type { MemberInfo } from '../events/event.ts';
import type { QueryRequest } from '../rpc/backend.ts';
import type { ClientQueryRecord } from '../rpc/records.ts';
import { failure } from './command.ts';

/** What came back for a query, measured against who was asked. */
export interface QueryOutcome {
  readonly acks: readonly string[];
  /** The last answer of each member, in the order of the first ones. */
  readonly answers: ReadonlyMap<string, Uint8Array>;
  /** Asked and without an answer, sorted; for a query that is only acknowledged: without an acknowledgement. */
  readonly missing: readonly string[];
  /** Answered that something went wrong there (`reportsFailure`). */
  readonly failed: readonly string[];
  /** True when no live member fits the filters and none was named. */
  readonly nobodyAsked: boolean;
}

/** Collects the records of one query. */
export class QueryTally {
  readonly #acks: string[] = [];
  readonly #answers = new Map<string, Uint8Array>();
  readonly #silent = new Set<string>();
  #responses = 0;

  add(record: ClientQueryRecord): void {
    if (record.type === 'ack') this.#acks.push(record.from);
    else if (record.type === 'silent') for (const name of record.names) this.#silent.add(name);
    else {
      this.#responses += 1;
      this.#answers.set(record.from, record.payload);
    }
  }

  get acks(): number {
    return this.#acks.length;
  }

  /** Answers, repeated ones included. */
  get responses(): number {
    return this.#responses;
  }

  /** @param asked who was asked, as far as the list of members tells */
  outcome(asked: ReadonlySet<string>, acksSuffice: boolean): QueryOutcome {
    const heard = new Set(acksSuffice ? this.#acks : this.#answers.keys());
    const missing = [...new Set([...asked, ...this.#silent])].filter((name) => !heard.has(name));
    return {
      acks: this.#acks,
      answers: this.#answers,
      missing: missing.sort(),
      failed: [...this.#answers].filter(([, payload]) => reportsFailure(payload)).map(([name]) => name),
      nobodyAsked: asked.size === 0 && this.#silent.size === 0,
    };
  }
}

/** Longer answers than this are no status reports; parsing them as JSON would cost more than it tells. */
const LONGEST_REPORT_BYTES = 64 * 1024;

const FAILURE_WORDS = /^\s*(?:error|fail|failed|failure|critical)(?::|\s+-\s|\s*$)/i;

/**
 * Whether an answer says that something went wrong where it comes from. A handler that exits with a code gives no answer
 * at all, so failure has to be in the text: the first line starts with ERROR, FAIL, FAILED, FAILURE or CRITICAL, in any
 * case and followed by a colon, by ` - ` or by nothing; or the whole is a JSON object with `"ok": false` or an `error`
 * that is not empty.
 */
export function reportsFailure(payload: Uint8Array): boolean {
  if (payload.length > LONGEST_REPORT_BYTES) return false;
  const text = textOfBytes(payload);
  if (FAILURE_WORDS.test(text.split('\n', 1)[0] ?? '')) return true;
  if (!text.trimStart().startsWith('{')) return false;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return false;
    const { ok, error } = value as { readonly ok?: unknown; readonly error?: unknown };
    return ok === false || (error !== undefined && error !== null && error !== false && error !== '');
  } catch {
    return false;
  }
}

/**
 * Whom a query asks: every live member that its filters let through, and every name it was given, for a name that is no
 * live member is somebody missing. Tag expressions are searched without anchors, as members do.
 *
 * @throws CodedError `ERR_COMMAND` for an expression that is none
 */
export async function whoIsAsked(
  members: readonly MemberInfo[],
  request: Pick<QueryRequest, 'filterNodes' | 'filterTags'>,
): Promise<ReadonlySet<string>> {
  const passes = await tagTest(request.filterTags);
  const known = new Map(members.map((member) => [member.name, member]));
  if (request.filterNodes.length === 0) {
    const live = members.filter((member) => member.status === 'alive' && passes(member));
    return new Set(live.map(({ name }) => name));
  }
  return new Set(
    request.filterNodes.filter((name) => {
      const member = known.get(name);
      return member === undefined || passes(member);
    }),
  );
}

async function tagTest(tags: ReadonlyMap<string, string>): Promise<(member: MemberInfo) => boolean> {
  if (tags.size === 0) return () => true;
  const { RE2JS } = await import('re2js');
  const tests = [...tags].map(([tag, expr]) => {
    try {
      return { tag, pattern: RE2JS.compile(expr) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw failure(`Error sending query: invalid regular expression in -tag ${tag}=${expr}: ${why}`);
    }
  });
  return (member) => tests.every(({ tag, pattern }) => pattern.matcher(member.tags.get(tag) ?? '').find());
}
