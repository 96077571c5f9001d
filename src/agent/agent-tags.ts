import { encodeTags } from '../serf/tags.ts';
import { writeTagsFile } from './tags-file.ts';

type Tags = ReadonlyMap<string, string>;

export interface AgentTagsOptions {
  /** The node's tags at start. */
  readonly tags: Tags;
  readonly protocolVersion: number;
  /** Where the tags are kept; empty for nowhere. */
  readonly file: string;
  /** Gossips the new tags. */
  readonly publish: (tags: Tags) => Promise<void>;
}

/** The tags of this node as they change at run time. */
export class AgentTags {
  readonly #options: AgentTagsOptions;
  #current: Tags;

  constructor(options: AgentTagsOptions) {
    this.#options = options;
    this.#current = options.tags;
  }

  get current(): Tags {
    return this.#current;
  }

  /** Minus `remove`, plus `set`: a key in both is set (agent.md 3.3). Throws a CodedError with Serf's text. */
  async update(set: Tags, remove: readonly string[]): Promise<void> {
    await this.#change(new Map([...this.#without(remove), ...set]));
  }

  /**
   * The tags after a changed configuration: keys that it dropped go, keys that it set or changed are set, and every tag
   * set at run time stays. Undefined when the configured tags are the same. Throws a CodedError when they are too big.
   */
  reconfigured(before: Tags, after: Tags): Tags | undefined {
    const removed = [...before.keys()].filter((key) => !after.has(key));
    const changed = [...after].filter(([key, value]) => before.get(key) !== value);
    if (removed.length === 0 && changed.length === 0) return undefined;
    const tags = new Map([...this.#without(removed), ...changed]);
    encodeTags(tags, this.#options.protocolVersion);
    return tags;
  }

  /** Replaces the tags. Throws a CodedError with Serf's text. */
  async replace(tags: Tags): Promise<void> {
    await this.#change(tags);
  }

  /** The size is checked before anything is written: a set too big must not be found in the file at the next start. */
  async #change(tags: Tags): Promise<void> {
    encodeTags(tags, this.#options.protocolVersion);
    if (this.#options.file !== '') writeTagsFile(this.#options.file, tags);
    this.#current = tags;
    await this.#options.publish(tags);
  }

  #without(keys: readonly string[]): Tags {
    return new Map([...this.#current].filter(([key]) => !keys.includes(key)));
  }
}
