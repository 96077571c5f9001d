/** A deliberate protocol bug: one piece of product source, and what it becomes. */
export interface Mutation {
  /** Short, unique, for the table. */
  readonly name: string;
  /** Source file, from the root of the project. */
  readonly file: string;
  /** Stands exactly once in that file. */
  readonly from: string;
  readonly to: string;
}

/** The source with its bug, or throws when the place it belongs to is not there exactly once. */
export function mutate(source: string, mutation: Mutation): string {
  const { name, file, from, to } = mutation;
  const places = source.split(from).length - 1;
  if (places !== 1) {
    throw new Error(
      `mutation '${name}': its place stands ${places} times in ${file}; adapt it to the source`,
    );
  }
  return source.replace(from, () => to);
}
