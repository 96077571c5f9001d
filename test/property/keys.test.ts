import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_BYTES } from '../../src/base/bytes.ts';
import type { QueryEvent } from '../../src/events/event.ts';
import { SERF_DEFAULTS } from '../../src/serf/config.ts';
import { InternalQueries } from '../../src/serf/internal-queries.ts';
import { KeyManager, type KeyRequest } from '../../src/serf/key-manager.ts';
import { type SerfMember, SerfMembers } from '../../src/serf/members.ts';
import type { QueryParams } from '../../src/serf/query-params.ts';
import type { AnswerSink } from '../../src/serf/responses.ts';
import { Keyring } from '../../src/wire/keyring.ts';
import { facts } from '../support/serf-parts.ts';

const NAMES = ['a', 'b', 'c'] as const;
type Name = (typeof NAMES)[number];

const keyOf = (n: number): Uint8Array => new Uint8Array(16).fill(n);

/** A key query under way: whom it has yet to reach, and where the answers go. */
interface Flight {
  readonly params: QueryParams;
  readonly sink: AnswerSink;
  readonly unreached: Name[];
  isOver: boolean;
}

interface Site {
  readonly ring: Keyring;
  readonly manager: KeyManager;
  readonly answer: (query: QueryEvent) => void;
  /** What the keyring file holds. */
  file: readonly Uint8Array[];
  answered: Uint8Array | undefined;
}

/** Nodes with a key manager and a keyring each; queries reach nodes, or never do, as the test decides. */
class Sites {
  readonly flights: Flight[] = [];
  readonly #sites = new Map<Name, Site>();
  #operation = 0;
  settled = 0;

  constructor(rings: readonly (readonly number[])[]) {
    NAMES.forEach((name, i) => {
      const keys = (rings[i] ?? []).map(keyOf);
      this.#sites.set(name, this.#site(name, new Keyring(keys, keys[0])));
    });
  }

  at(name: Name): Site {
    return this.#sites.get(name) as Site;
  }

  get started(): number {
    return this.#operation;
  }

  start(name: Name, request: KeyRequest): void {
    this.#operation += 1;
    this.at(name).manager.start(0, this.#operation, request);
  }

  /** The query reaches one more node, whose answer may get lost. */
  deliver(flight: Flight, isAnswerLost: boolean): void {
    const name = flight.unreached.shift();
    if (name === undefined) return;
    const site = this.at(name);
    const { name: query, payload } = flight.params;
    site.answered = undefined;
    site.answer({ type: 'query', id: 1, ltime: 1, name: query, payload, sourceNode: 'a', timeoutMs: 1 });
    if (flight.isOver || isAnswerLost) return;
    flight.sink(0, { type: 'response', from: name, payload: site.answered ?? NO_BYTES });
  }

  end(flight: Flight): void {
    if (flight.isOver) return;
    flight.isOver = true;
    flight.sink(0, undefined);
  }

  /** Pairs of which the first cannot be understood by the second. */
  deaf(): string[] {
    return NAMES.flatMap((from) =>
      NAMES.filter((to) => {
        const primary = this.at(from).ring.primary;
        return !this.at(to)
          .ring.list()
          .some((key) => key[0] === primary?.[0]);
      }).map((to) => `${from}>${to}`),
    );
  }

  #site(name: Name, ring: Keyring): Site {
    const internal = new InternalQueries({
      self: name,
      config: {
        queryResponseSizeLimit: SERF_DEFAULTS.queryResponseSizeLimit,
        persistKeyring: (keys) => {
          this.at(name).file = keys;
          return undefined;
        },
      },
      members: new SerfMembers(1),
      keyring: ring,
      trace: undefined,
      respond: (_now, _id, payload) => {
        this.at(name).answered = payload;
      },
      fits: () => true,
    });
    const manager = new KeyManager({
      asking: {
        ask: (_now, params, sink) => {
          this.flights.push({ params, sink, unreached: [...NAMES], isOver: false });
          return { ltime: this.flights.length, timeoutMs: 1 };
        },
        over: (_now, ltime) => this.end(this.flights[ltime - 1] as Flight),
      },
      keyring: ring,
      members: { values: () => NAMES.map(aliveMember) },
      liveCount: () => NAMES.length,
      trace: undefined,
      settle: () => {
        this.settled += 1;
      },
    });
    const answer = (query: QueryEvent): void => internal.handle(0, query);
    return { ring, manager, answer, file: ring.list(), answered: undefined };
  }
}

function aliveMember(name: string): SerfMember {
  return { name, facts: facts(name), tags: new Map(), status: 'alive', statusLTime: 0, leaveTime: undefined };
}

const request = fc.record({
  action: fc.constantFrom('install', 'use', 'remove', 'list'),
  key: fc.integer({ min: 1, max: 4 }).map((n) => Buffer.from(keyOf(n)).toString('base64')),
  force: fc.boolean(),
});
const rings = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1 }), {
  minLength: 3,
  maxLength: 3,
});
const step = fc.oneof(
  fc.record({ type: fc.constant('start' as const), at: fc.constantFrom(...NAMES), request }),
  fc.record({ type: fc.constant('deliver' as const), flight: fc.nat(), isAnswerLost: fc.boolean() }),
  fc.record({ type: fc.constant('end' as const), flight: fc.nat() }),
);

describe('key operations', () => {
  it('in any interleaving, from any nodes, leave each node a primary key, in its ring and first in its file', () => {
    fc.assert(
      fc.property(rings, fc.array(step, { maxLength: 150 }), (start, steps) => {
        const sites = new Sites(start);
        for (const move of steps) {
          const flight =
            'flight' in move ? sites.flights[move.flight % (sites.flights.length || 1)] : undefined;
          if (move.type === 'start') sites.start(move.at, move.request);
          else if (flight === undefined) continue;
          else if (move.type === 'deliver') sites.deliver(flight, move.isAnswerLost);
          else sites.end(flight);
          for (const name of NAMES) {
            const { ring, file } = sites.at(name);
            expect(ring.primary).toBeDefined();
            expect(file).toEqual(ring.list());
          }
        }
        for (const flight of sites.flights) sites.end(flight);
        expect(sites.settled).toBe(sites.started);
      }),
    );
  });

  it('one after another: a removal without force makes no member deaf to another, whatever gets lost', () => {
    let removals = 0;
    const losses = fc.array(fc.record({ reached: fc.nat({ max: 3 }), lost: fc.boolean() }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(
        rings,
        fc.array(fc.tuple(fc.constantFrom(...NAMES), request), { maxLength: 20 }),
        losses,
        (start, requests, fates) => {
          const sites = new Sites(start);
          let next = 0;
          for (const [at, wanted] of requests) {
            const isGuarded = wanted.action === 'remove' && !wanted.force;
            const before = sites.deaf();
            const first = sites.flights.length;
            sites.start(at, wanted);
            for (let i = first; i < sites.flights.length; i += 1) {
              const flight = sites.flights[i] as Flight;
              const { reached, lost } = fates[next] ?? { reached: 3, lost: false };
              next += 1;
              for (let n = 0; n < reached; n += 1) sites.deliver(flight, lost && n === 1);
              sites.end(flight);
              if (flight.params.name === '_serf_remove-key' && isGuarded) removals += 1;
            }
            if (isGuarded) expect(sites.deaf()).toEqual(before);
          }
        },
      ),
    );
    expect(removals).toBeGreaterThan(0);
  });
});
