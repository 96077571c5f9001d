import { describe, expect, it } from 'vitest';
import { type LifeguardParts, SWIM_DEFAULTS } from '../../../src/swim/config.ts';
import {
  decodeIndirectPing,
  decodePing,
  decodeSuspect,
  encodeAck,
  encodeSuspect,
  type MessageType as Kind,
  MessageType,
} from '../../../src/swim/messages.ts';
import { type LoneSwim, loneSwim, STILL } from '../../support/lone-swim.ts';

const PROBING = { ...STILL, probeIntervalMs: 1000, probeTimeoutMs: 200 };
const ALL = SWIM_DEFAULTS.lifeguard;

/** A machine of which the named parts of Lifeguard are off, with five peers. */
function without(parts: Partial<LifeguardParts>): LoneSwim {
  const node = loneSwim({ ...PROBING, lifeguard: { ...ALL, ...parts } });
  node.meet('b', 'c', 'd', 'e', 'f');
  node.said();
  return node;
}

const suspectB = (from: string): Uint8Array => encodeSuspect({ incarnation: 1, node: 'b', from });
const statusOfB = (node: LoneSwim): string | undefined => node.swim.members.get('b')?.status;
const sentOf = (node: LoneSwim, type: (typeof Kind)[keyof typeof Kind]): Uint8Array[] =>
  node.said().flatMap(({ message }) => (message[0] === type ? [message.subarray(1)] : []));

describe('local health', () => {
  it('is scored unless taken away: unanswered probes leave it at 0 then', () => {
    const [whole, plain] = [without({}), without({ localHealth: false })];
    for (const node of [whole, plain]) node.pass(6_000);
    expect(whole.swim.healthScore).toBeGreaterThan(1);
    expect(plain.swim.healthScore).toBe(0);
  });

  it('asks relays for nacks, and without it asks for none', () => {
    for (const localHealth of [true, false]) {
      const node = without({ localHealth });
      node.pass(2_000);
      const asked = sentOf(node, MessageType.indirectPing).map((body) => decodeIndirectPing(body).nack);
      expect(new Set(asked)).toEqual(new Set([localHealth]));
    }
  });
});

describe('dynamic suspicion', () => {
  it('taken away, a lone suspicion ends after the shortest timeout', () => {
    const [whole, plain] = [without({}), without({ dynamicSuspicion: false })];
    for (const node of [whole, plain]) {
      node.hear(suspectB('c'));
      node.pass(3_990);
      expect(statusOfB(node)).toBe('suspect');
      node.pass(20);
    }
    expect([statusOfB(whole), statusOfB(plain)]).toEqual(['suspect', 'dead']);
  });

  it('taken away, a confirmation is neither counted nor gossiped on', () => {
    const told = [true, false].map((dynamicSuspicion) => {
      const lifeguard = { ...ALL, dynamicSuspicion };
      const node = loneSwim({ ...PROBING, gossipIntervalMs: 100, lifeguard });
      node.meet('b', 'c', 'd', 'e', 'f');
      node.hear(suspectB('c'));
      node.pass(10);
      node.hear(suspectB('d'));
      node.pass(900);
      return sentOf(node, MessageType.suspect).filter((body) => decodeSuspect(body).from === 'd').length;
    });
    expect(told[0]).toBeGreaterThan(0);
    expect(told[1]).toBe(0);
  });
});

describe('the buddy system', () => {
  /** Suspicions of b, in our own name, among what goes to b while every ping is answered. */
  function toldToB(buddySystem: boolean): number {
    const node = without({ buddySystem });
    node.hear(suspectB('c'));
    let told = 0;
    for (let passed = 0; passed < 8_000; passed += 100) {
      node.pass(100);
      for (const { to, message } of node.said()) {
        const body = message.subarray(1);
        if (message[0] === MessageType.ping) {
          node.hear(encodeAck({ seqNo: decodePing(body).seqNo, payload: null }));
        }
        if (message[0] !== MessageType.suspect || to.ip !== '10.0.0.2') continue;
        if (decodeSuspect(body).from === 'a') told += 1;
      }
    }
    return told;
  }

  it('tells a probed suspect that it is suspected; taken away, the ping says nothing of it', () => {
    expect(toldToB(true)).toBeGreaterThan(0);
    expect(toldToB(false)).toBe(0);
  });
});
