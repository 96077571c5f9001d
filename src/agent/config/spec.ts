import type { Block, BlocksFacts } from './block-spec.ts';

/** How one configuration key is described; the table in table.ts is made of these. */

/** The value each type of key holds once decoded. Durations are milliseconds. */
export interface ConfigTypes {
  string: string;
  bool: boolean;
  int: number;
  duration: number;
  strings: readonly string[];
  map: ReadonlyMap<string, string>;
  /** Named things with fields of their own; only files can state them. */
  blocks: ReadonlyMap<string, Block>;
}

export type ConfigType = keyof ConfigTypes;

/**
 * How a later source meets an earlier one (agent.md 9.2):
 * `non-empty` and `non-zero` later values win, `positive` later values win, `true` can never be taken back,
 * `append` and `merge` collect, `last` lets any value that was given win.
 */
export type MergeRule = 'non-empty' | 'non-zero' | 'positive' | 'true' | 'append' | 'merge' | 'last';

interface KeyFacts<T extends ConfigType> {
  readonly type: T;
  readonly default: ConfigTypes[T];
  /** Shown instead of `default` where that is worked out at start. */
  readonly defaultText?: string;
  readonly merge: MergeRule;
  /** The only texts a value may have, besides the empty one that means the default. */
  readonly choices?: readonly string[];
  /** `choices` match in any case. */
  readonly anyCase?: true;
  /** Command-line flag, without its dash. */
  readonly flag?: string;
  /** The flag states the opposite of the key. */
  readonly inverted?: true;
  /** Environment variable that is read. */
  readonly env?: string;
  /** Applied by a reload. */
  readonly reloadable?: true;
  /** A secret: never shown, never logged. */
  readonly masked?: true;
  /** Known, but this version cannot do it: using it is an error. */
  readonly available?: false;
  /** Serf has no such key. */
  readonly own?: true;
  /** What the value is, for help: `addr`, `path`, `key`. */
  readonly hint?: string;
  /** One line for help and the reference page. */
  readonly doc: string;
  /** For `blocks`: what each of them may state. */
  readonly blocks?: BlocksFacts;
}

/** One row of the configuration table. */
export type KeySpec = { [T in ConfigType]: KeyFacts<T> }[ConfigType];
