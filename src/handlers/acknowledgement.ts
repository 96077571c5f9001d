/** What a persistent handler says about an event it was given. */
export interface Acknowledgement {
  /** The event's id. */
  readonly ack: number;
  /** The answer to a query. */
  readonly answer: string | undefined;
}

/** The acknowledgement in a line of output, such as `{"ack": 7, "answer": "fine"}`; undefined for any other line. */
export function acknowledgementIn(line: string): Acknowledgement | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { ack, answer } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (typeof ack !== 'number') return undefined;
    return { ack, answer: typeof answer === 'string' ? answer : undefined };
  } catch {
    return undefined;
  }
}
