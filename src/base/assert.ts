/** Throws when the program itself is wrong. Never used on what a peer or an operator sends. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${message}`);
}

/** Marks a `switch` that covers its union; a new member then fails to compile. */
export function unreachable(value: never): never {
  throw new Error(`broken invariant: unexpected ${JSON.stringify(value)}`);
}
