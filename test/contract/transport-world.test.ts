import type { Address, NetworkEffects, StreamId } from '../../src/base/machine.ts';
import type { Ingress, Transport } from '../../src/runtime/transport.ts';
import { World } from '../../src/sim/world.ts';
import { type TransportLab, transportContract } from './transport.ts';

/** A host of a world, behind the interface of a real network. */
class WorldTransport implements Transport {
  readonly counters = new Map<string, number>();
  readonly #world: World;
  readonly #address: Address;
  #effects: NetworkEffects | undefined;

  constructor(world: World, address: Address) {
    this.#world = world;
    this.#address = address;
  }

  get localPort(): number {
    return this.#effects === undefined ? 0 : this.#address.port;
  }

  async start(ingress: Ingress, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    let running = true;
    this.#world.add(this.#address, (effects) => {
      this.#effects = effects;
      return {
        start() {},
        datagram: (_now, from, bytes) => running && ingress.datagram(from, bytes),
        stream: (_now, id, input) => running && ingress.stream(id, input),
        undeliverable: (_now, to, why) => running && ingress.undeliverable(to, why),
        tick() {},
        nextDeadline: () => Number.POSITIVE_INFINITY,
      };
    });
    signal.addEventListener('abort', () => {
      running = false;
      this.#effects = undefined;
      this.#world.kill(this.#address);
    });
  }

  stopped(): Promise<void> {
    return Promise.resolve();
  }

  sendDatagram(to: Address, bytes: Uint8Array): void {
    this.#effects?.sendDatagram(to, bytes);
  }

  openStream(to: Address): StreamId {
    return this.#effects?.openStream(to) ?? 0;
  }

  writeStream(id: StreamId, bytes: Uint8Array): void {
    this.#effects?.writeStream(id, bytes);
  }

  closeStream(id: StreamId): void {
    this.#effects?.closeStream(id);
  }
}

function worldLab(jitterMs: number): () => TransportLab {
  return () => {
    const world = new World(5);
    world.weather.jitterMs = jitterMs;
    let hosts = 0;
    return {
      create() {
        hosts += 1;
        const ip = `10.0.0.${hosts}`;
        return { ip, transport: new WorldTransport(world, { ip, port: 7946 }) };
      },
      async until(done) {
        if (world.runUntil(done, 5_000) === undefined) throw new Error('the world did not get there in 5 s');
      },
      async settle() {
        world.run(1_000);
      },
    };
  };
}

transportContract('virtual world', worldLab(0));
transportContract('virtual world with jitter', worldLab(20));
