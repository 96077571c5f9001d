import { afterEach, describe, expect, it } from 'vitest';
import type { Address, DatagramFailure, StreamId, StreamInput } from '../../src/base/machine.ts';
import type { Ingress, Transport } from '../../src/runtime/transport.ts';

/** A network under test: makes unstarted transports, each with an address of its own, and lets time pass. */
export interface TransportLab {
  create(): { readonly transport: Transport; readonly ip: string };
  /** Lets the network work until `done` holds; throws after a bounded time. */
  until(done: () => boolean): Promise<void>;
  /** Lets the network work long enough for anything under way to arrive. */
  settle(): Promise<void>;
}

/** Everything one ingress was told, streams by number. Bytes are copied because they are borrowed. */
class Recorder implements Ingress {
  readonly datagrams: { from: Address; text: string }[] = [];
  readonly undelivered: { to: Address; why: DatagramFailure }[] = [];
  readonly streams = new Map<StreamId, string[]>();
  readonly accepted: StreamId[] = [];
  received = '';
  onStream: (id: StreamId, input: StreamInput) => void = () => {};

  datagram(from: Address, bytes: Uint8Array): void {
    this.datagrams.push({ from, text: Buffer.from(bytes).toString() });
  }

  undeliverable(to: Address, why: DatagramFailure): void {
    this.undelivered.push({ to, why });
  }

  stream(id: StreamId, input: StreamInput): void {
    const log = this.streams.get(id) ?? [];
    this.streams.set(id, log);
    if (input.type === 'accepted') this.accepted.push(id);
    if (input.type === 'data') this.received += Buffer.from(input.bytes).toString('latin1');
    // Data may arrive in any chunking: consecutive pieces count as one.
    const word = input.type === 'failed' ? `failed:${input.why}` : input.type;
    if (word !== 'data' || log.at(-1) !== 'data') log.push(word);
    this.onStream(id, input);
  }

  log(id: StreamId): readonly string[] {
    return this.streams.get(id) ?? [];
  }
}

interface Node {
  readonly transport: Transport;
  readonly address: Address;
  readonly seen: Recorder;
  readonly controller: AbortController;
}

const text = (value: string): Uint8Array => Buffer.from(value);

/** What a machine may rely on, whatever network it lives on. */
export function transportContract(name: string, makeLab: () => TransportLab): void {
  describe(`transport contract: ${name}`, () => {
    const nodes: Node[] = [];
    let lab = makeLab();

    const start = async (): Promise<Node> => {
      const { transport, ip } = lab.create();
      const seen = new Recorder();
      const controller = new AbortController();
      await transport.start(seen, controller.signal);
      const node = { transport, seen, controller, address: { ip, port: transport.localPort } };
      nodes.push(node);
      return node;
    };

    const stop = async (node: Node): Promise<void> => {
      node.controller.abort();
      await node.transport.stopped();
    };

    afterEach(async () => {
      for (const node of nodes.splice(0)) await stop(node);
      lab = makeLab();
    });

    it('says its port once it has started', async () => {
      const { transport } = lab.create();
      expect(transport.localPort).toBe(0);
      expect((await start()).transport.localPort).toBeGreaterThan(0);
    });

    it('carries a datagram whole, and its source is where answers go', async () => {
      const [a, b] = [await start(), await start()];
      a.transport.sendDatagram(b.address, text('ping'));
      await lab.until(() => b.seen.datagrams.length === 1);
      expect(b.seen.datagrams).toEqual([{ from: a.address, text: 'ping' }]);
      b.transport.sendDatagram((b.seen.datagrams[0] as { from: Address }).from, text('ack'));
      await lab.until(() => a.seen.datagrams.length === 1);
      expect(a.seen.datagrams).toEqual([{ from: b.address, text: 'ack' }]);
    });

    it('carries an empty datagram and one of 60,000 bytes', async () => {
      const [a, b] = [await start(), await start()];
      a.transport.sendDatagram(b.address, text(''));
      a.transport.sendDatagram(b.address, new Uint8Array(60_000).fill(65));
      await lab.until(() => b.seen.datagrams.length === 2);
      expect(b.seen.datagrams.map((datagram) => datagram.text.length).sort((x, y) => x - y)).toEqual([
        0, 60_000,
      ]);
    });

    it('sends to itself', async () => {
      const a = await start();
      a.transport.sendDatagram(a.address, text('self'));
      await lab.until(() => a.seen.datagrams.length === 1);
      expect(a.seen.datagrams[0]).toEqual({ from: a.address, text: 'self' });
    });

    it('opens a stream: opened on one side, accepted on the other, and never during the call', async () => {
      const [a, b] = [await start(), await start()];
      const id = a.transport.openStream(b.address);
      expect(a.seen.log(id)).toEqual([]);
      await lab.until(() => a.seen.log(id).length > 0 && b.seen.accepted.length === 1);
      expect(a.seen.log(id)).toEqual(['opened']);
      expect(b.seen.log(b.seen.accepted[0] as StreamId)).toEqual(['accepted']);
    });

    it('keeps the order of bytes both ways, in any chunking', async () => {
      const [a, b] = [await start(), await start()];
      const id = a.transport.openStream(b.address);
      await lab.until(() => b.seen.accepted.length === 1 && a.seen.log(id).includes('opened'));
      const inbound = b.seen.accepted[0] as StreamId;
      const long = Array.from({ length: 20_000 }, (_, i) => `${i},`).join('');
      for (let at = 0; at < long.length; at += 7_001) {
        a.transport.writeStream(id, text(long.slice(at, at + 7_001)));
      }
      b.transport.writeStream(inbound, text('answer'));
      await lab.until(() => b.seen.received.length === long.length && a.seen.received === 'answer');
      expect(b.seen.received).toBe(long);
    });

    it('delivers what was written before a close, then says ended, and nothing to the side that closed', async () => {
      const [a, b] = [await start(), await start()];
      const id = a.transport.openStream(b.address);
      await lab.until(() => a.seen.log(id).includes('opened'));
      a.transport.writeStream(id, new Uint8Array(300_000).fill(66));
      a.transport.closeStream(id);
      await lab.until(
        () => b.seen.accepted.length === 1 && b.seen.log(b.seen.accepted[0] as StreamId).includes('ended'),
      );
      const inbound = b.seen.accepted[0] as StreamId;
      expect(b.seen.received.length).toBe(300_000);
      expect(b.seen.log(inbound)).toEqual(['accepted', 'data', 'ended']);
      b.transport.closeStream(inbound);
      await lab.settle();
      expect(a.seen.log(id)).toEqual(['opened']);
      expect(b.seen.log(inbound)).toEqual(['accepted', 'data', 'ended']);
    });

    it('lets an acceptor answer and close although the dialler never ends its half', async () => {
      const [a, b] = [await start(), await start()];
      b.seen.onStream = (inbound, input) => {
        if (input.type !== 'data') return;
        b.transport.writeStream(inbound, text('reply'));
        b.transport.closeStream(inbound);
      };
      const id = a.transport.openStream(b.address);
      await lab.until(() => a.seen.log(id).includes('opened'));
      a.transport.writeStream(id, text('request'));
      await lab.until(() => a.seen.log(id).includes('ended'));
      expect(a.seen.received).toBe('reply');
      expect(a.seen.log(id)).toEqual(['opened', 'data', 'ended']);
    });

    it('still carries an answer after the other side ended its half', async () => {
      const [a, b] = [await start(), await start()];
      const late: StreamId[] = [];
      b.seen.onStream = (inbound, input) => {
        if (input.type === 'ended') late.push(inbound);
      };
      const id = a.transport.openStream(b.address);
      await lab.until(() => a.seen.log(id).includes('opened'));
      a.transport.closeStream(id);
      await lab.until(() => late.length === 1);
      expect(() => b.transport.writeStream(late[0] as StreamId, text('too late'))).not.toThrow();
      await lab.settle();
      expect(a.seen.received).toBe('');
    });

    it('says failed once, and only that, for a stream nobody accepts', async () => {
      const [a, b] = [await start(), await start()];
      await stop(b);
      const id = a.transport.openStream(b.address);
      await lab.until(() => a.seen.log(id).length > 0);
      await lab.settle();
      expect(a.seen.log(id)).toEqual(['failed:refused']);
    });

    it('says nothing of a stream closed before it was open', async () => {
      const [a, b] = [await start(), await start()];
      const id = a.transport.openStream(b.address);
      a.transport.closeStream(id);
      await lab.settle();
      expect(a.seen.log(id)).toEqual([]);
    });

    it('ignores writes and closes of streams that are gone or never were', async () => {
      const [a, b] = [await start(), await start()];
      const id = a.transport.openStream(b.address);
      await lab.until(() => a.seen.log(id).includes('opened'));
      a.transport.closeStream(id);
      a.transport.writeStream(id, text('late'));
      a.transport.closeStream(id);
      a.transport.writeStream(9_999, text('never'));
      a.transport.closeStream(9_999);
      await lab.settle();
      expect(b.seen.received).toBe('');
    });

    it('never gives two streams one number', async () => {
      const [a, b] = [await start(), await start()];
      const dialled = [1, 2, 3].map(() => a.transport.openStream(b.address));
      const back = b.transport.openStream(a.address);
      await lab.until(() => b.seen.accepted.length === 3 && a.seen.accepted.length === 1);
      const ofA = [...dialled, ...a.seen.accepted];
      const ofB = [...b.seen.accepted, back];
      expect(new Set(ofA).size).toBe(4);
      expect(new Set(ofB).size).toBe(4);
    });

    it('delivers nothing and does nothing after an abort, and the peer sees its streams end', async () => {
      const [a, b] = [await start(), await start()];
      const id = a.transport.openStream(b.address);
      await lab.until(() => b.seen.accepted.length === 1 && a.seen.log(id).includes('opened'));
      await stop(b);
      const before = b.seen.streams.size;
      a.transport.sendDatagram(b.address, text('anyone?'));
      b.transport.sendDatagram(a.address, text('ghost'));
      const ghost = b.transport.openStream(a.address);
      await lab.until(() => a.seen.log(id).length > 1);
      await lab.settle();
      expect(['ended', 'failed:reset']).toContain(a.seen.log(id)[1]);
      expect(b.seen.datagrams).toEqual([]);
      expect(a.seen.datagrams).toEqual([]);
      expect(a.seen.accepted).toEqual([]);
      expect(b.seen.streams.size).toBe(before);
      expect(b.seen.log(ghost)).toEqual([]);
    });

    it('rejects a start whose signal has aborted already, and opens nothing', async () => {
      const { transport } = lab.create();
      await expect(transport.start(new Recorder(), AbortSignal.abort())).rejects.toThrow();
      expect(transport.localPort).toBe(0);
      await transport.stopped();
    });
  });
}
