import type { ClusterEvent, MemberInfo } from '../../../src/events/event.ts';
import type {
  EventSubscription,
  KeyReport,
  KeyRequest,
  LogSubscription,
  QueryRequest,
  QueryRun,
  RpcBackend,
  WireCoordinate,
} from '../../../src/rpc/backend.ts';
import type { HandlerOperations } from '../../../src/rpc/handler-records.ts';
import type { PreviewRecord, RendererRecord, RenderRunRecord } from '../../../src/rpc/render-records.ts';

/** A bounded feed like the agent's own: drops the newest when its reader is slow, ends with the signal. */
export class Feed<T> {
  readonly #readers = new Set<{
    items: T[];
    wake: () => void;
    capacity: number;
    onDrop: (item: T) => void;
  }>();
  #waiting: (() => void)[] = [];

  get readers(): number {
    return this.#readers.size;
  }

  /** Resolves when `count` readers are there. */
  async subscribed(count = 1): Promise<void> {
    while (this.#readers.size !== count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  push(item: T): void {
    for (const reader of this.#readers) {
      if (reader.items.length >= reader.capacity) reader.onDrop(item);
      else reader.items.push(item);
      reader.wake();
    }
  }

  read(options: { signal: AbortSignal; capacity: number; onDrop: (item: T) => void }, backlog: T[] = []) {
    const reader = {
      items: [...backlog],
      wake: () => {},
      capacity: options.capacity,
      onDrop: options.onDrop,
    };
    this.#readers.add(reader);
    this.#changed();
    options.signal.addEventListener('abort', () => {
      this.#readers.delete(reader);
      this.#changed();
      reader.wake();
    });
    const generate = async function* (): AsyncGenerator<T> {
      while (!options.signal.aborted) {
        const item = reader.items.shift();
        if (item !== undefined) yield item;
        else
          await new Promise<void>((resolve) => {
            reader.wake = resolve;
          });
      }
    };
    return generate();
  }

  #changed(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

export const NO_REPORT: KeyReport = {
  messages: new Map(),
  keys: new Map(),
  numNodes: 0,
  numErr: 0,
  numResp: 0,
};

/** A backend whose answers a test scripts by assigning, and that notes what it was asked. */
export class FakeBackend implements RpcBackend {
  readonly calls: unknown[][] = [];
  readonly eventFeed = new Feed<ClusterEvent>();
  readonly logFeed = new Feed<string>();
  memberList: MemberInfo[] = [];
  backlog: string[] = [];
  groups: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map();
  coordinates = new Map<string, WireCoordinate>();
  joinWarnings: string[] = [];
  rendererList: RendererRecord[] = [];
  onPreview: () => Promise<PreviewRecord> = () => Promise.reject(new Error('no such renderer'));
  supervision: HandlerOperations = {
    list: () => [],
    runs: () => [],
    rerun: () => Promise.reject(new Error('no such handler')),
    test: () => Promise.reject(new Error('no such handler')),
    approve: (name) => this.#note('approve', name),
  };
  onJoin: () => Promise<number> = () => Promise.resolve(1);
  onLeave: () => Promise<void> = () => Promise.resolve();
  onKeys: (request: KeyRequest) => Promise<KeyReport> = () => Promise.resolve(NO_REPORT);
  onQuery: (request: QueryRequest) => QueryRun = async function* () {};
  /** Thrown by the method of that name. */
  failures: Record<string, Error> = {};

  members(): readonly MemberInfo[] {
    this.#note('members');
    return this.memberList;
  }

  async join(
    addresses: readonly string[],
    replay: boolean,
    onWarning?: (text: string) => void,
  ): Promise<number> {
    this.#note('join', addresses, replay);
    for (const text of this.joinWarnings) onWarning?.(text);
    return this.onJoin();
  }

  async leave(): Promise<void> {
    this.#note('leave');
    await this.onLeave();
  }

  afterLeave(): void {
    this.#note('afterLeave');
  }

  async forceLeave(node: string, prune: boolean): Promise<void> {
    this.#note('forceLeave', node, prune);
  }

  userEvent(name: string, payload: Uint8Array | null, coalesce: boolean): void {
    this.#note('userEvent', name, payload === null ? null : Buffer.from(payload).toString(), coalesce);
  }

  query(request: QueryRequest): QueryRun {
    this.#note('query', request);
    return this.onQuery(request);
  }

  respond(queryId: number, payload: Uint8Array): void {
    this.#note('respond', queryId, Buffer.from(payload).toString());
  }

  async updateTags(set: ReadonlyMap<string, string>, remove: readonly string[]): Promise<void> {
    this.#note('updateTags', Object.fromEntries(set), remove);
  }

  renderers(): readonly RendererRecord[] {
    this.#note('renderers');
    return this.rendererList;
  }

  async previewRenderer(name: string): Promise<PreviewRecord> {
    this.#note('previewRenderer', name);
    return this.onPreview();
  }

  async runRenderer(name: string): Promise<RenderRunRecord> {
    this.#note('runRenderer', name);
    return { holds: [] };
  }

  stats(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    this.#note('stats');
    return this.groups;
  }

  events(options: EventSubscription): AsyncIterable<ClusterEvent> {
    return this.eventFeed.read(options);
  }

  logs(options: LogSubscription): AsyncIterable<string> {
    return this.logFeed.read(options, this.backlog);
  }

  coordinate(node: string): WireCoordinate | undefined {
    this.#note('coordinate', node);
    return this.coordinates.get(node);
  }

  async keys(request: KeyRequest): Promise<KeyReport> {
    this.#note('keys', request.action, request.key);
    return this.onKeys(request);
  }

  defaultQueryTimeoutMs(): number {
    return 1000;
  }

  #note(name: string, ...args: unknown[]): void {
    this.calls.push([name, ...args]);
    const failure = this.failures[name];
    if (failure !== undefined) throw failure;
  }
}

/** An alive member of 127.0.0.1 with everything else as Serf has it. */
export function member(name: string, more: Partial<MemberInfo> = {}): MemberInfo {
  return {
    name,
    addr: Uint8Array.of(127, 0, 0, 1),
    port: 7946,
    tags: new Map(),
    status: 'alive',
    protocolMin: 1,
    protocolMax: 5,
    protocolCur: 2,
    delegateMin: 2,
    delegateMax: 5,
    delegateCur: 5,
    ...more,
  };
}
