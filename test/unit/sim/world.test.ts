import { describe, expect, it } from 'vitest';
import type { Address, Millis, NetworkEffects, StreamId } from '../../../src/base/machine.ts';
import type { FaultName } from '../../../src/sim/faults.ts';
import { deafen, mute, separate, type Weather } from '../../../src/sim/weather.ts';
import { World } from '../../../src/sim/world.ts';

const A: Address = { ip: '10.0.0.1', port: 7946 };
const B: Address = { ip: '10.0.0.2', port: 7946 };

/** A host that keeps a diary and wakes when told. */
class Diary {
  readonly lines: string[] = [];
  readonly address: Address;
  readonly effects: NetworkEffects;
  wakeAt: Millis = Number.POSITIVE_INFINITY;
  ticks: Millis[] = [];
  answer: ((id: StreamId) => void) | undefined;
  readonly #world: World;

  constructor(world: World, address: Address) {
    this.#world = world;
    this.address = address;
    let network: NetworkEffects | undefined;
    const note = (text: string): void => void this.lines.push(`${world.now.toFixed(0)} ${text}`);
    world.add(address, (effects) => {
      network = effects;
      return {
        start() {},
        datagram: (_now, _from, bytes) => note(Buffer.from(bytes).toString('latin1')),
        undeliverable() {},
        stream: (_now, id, input) => {
          note(input.type === 'data' ? `data ${input.bytes.length}` : input.type);
          if (input.type === 'accepted') this.answer?.(id);
        },
        lagged: (_now, lateMs) => note(`late ${lateMs.toFixed(0)}`),
        tick: (now) => {
          this.ticks.push(now);
          note('tick');
          this.wakeAt = Number.POSITIVE_INFINITY;
        },
        nextDeadline: () => this.wakeAt,
      };
    });
    this.effects = network as unknown as NetworkEffects;
  }

  do(call: (effects: NetworkEffects, now: Millis) => void): void {
    this.#world.command(this.address, (now) => call(this.effects, now));
  }

  send(to: Address, text: string, count = 1): void {
    this.do((effects) => {
      for (let i = 0; i < count; i += 1) effects.sendDatagram(to, Buffer.from(text));
    });
  }
}

function pair(weather: Partial<Weather> = {}, seed = 1): { world: World; a: Diary; b: Diary } {
  const world = new World(seed);
  Object.assign(world.weather, weather);
  return { world, a: new Diary(world, A), b: new Diary(world, B) };
}

function fired(world: World): FaultName[] {
  return (Object.entries(world.faults) as [FaultName, number][])
    .filter(([, n]) => n > 0)
    .map(([name]) => name);
}

describe('datagrams', () => {
  it('are lost, doubled and damaged about as often as the weather says', () => {
    const { world, a, b } = pair({ loss: 0.2, duplicate: 0.1, corrupt: 0.05 });
    a.send(B, 'hello', 10_000);
    world.run(10);
    const { loss, duplicate, corrupt } = world.faults;
    expect(b.lines.length).toBe(10_000 - loss + duplicate);
    expect(b.lines.filter((line) => !line.endsWith('hello')).length).toBe(corrupt);
    for (const [count, expected] of [
      [loss, 2_000],
      [duplicate, 800],
      [corrupt, 440],
    ] as const) {
      expect(Math.abs(count - expected)).toBeLessThan(expected / 4);
    }
  });

  it('overtake each other only where delay varies', () => {
    const { world, a, b } = pair({ tailMs: 20 });
    for (let i = 0; i < 50; i += 1) a.send(B, String(i).padStart(2, '0'));
    world.run(1_000);
    expect(b.lines).toHaveLength(50);
    const order = b.lines.map((line) => line.split(' ')[1]);
    expect(order).not.toEqual([...order].sort());
    expect(fired(world)).toEqual(['tail', 'reorder']);
    const calm = pair();
    for (let i = 0; i < 50; i += 1) calm.a.send(B, String(i).padStart(2, '0'));
    calm.world.run(1_000);
    expect(fired(calm.world)).toEqual([]);
  });

  it('that are too large vanish, and the ones that fit do not', () => {
    const { world, a, b } = pair({ mtuBytes: 5 });
    a.send(B, '12345');
    a.send(B, '123456');
    world.run(10);
    expect(b.lines).toEqual(['1 12345']);
    expect(fired(world)).toEqual(['mtu']);
  });

  it('do not pass a partition, in the directions it has', () => {
    for (const [cut, passes] of [
      [separate([A]), []],
      [deafen([A]), ['a']],
      [mute([A]), ['b']],
    ] as const) {
      const { world, a, b } = pair();
      world.partition(cut, 'one');
      a.send(B, 'a');
      b.send(A, 'b');
      world.run(10);
      expect([...b.lines, ...a.lines].map((line) => line.split(' ')[1])).toEqual(passes);
      expect(fired(world)).toEqual([passes.length === 0 ? 'partition' : 'one-way']);
      world.heal('another');
      a.send(B, 'still cut');
      world.heal('one');
      a.send(B, 'healed');
      world.run(10);
      expect(b.lines.at(-1)).toBe('11 healed');
    }
  });

  it('wait in a clogged link, and those beyond its room vanish', () => {
    const { world, a, b } = pair();
    world.clog(A, B, 5_000);
    a.send(B, 'x', 1_010);
    b.send(A, 'free');
    world.run(4_999);
    expect([a.lines, b.lines.length]).toEqual([['1 free'], 0]);
    world.run(10);
    expect(b.lines).toHaveLength(1_000);
    expect(world.faults['clog-overflow']).toBe(10);
    a.send(B, 'after');
    world.run(1);
    expect(b.lines.at(-1)).toBe('5010 after');
  });

  it('obey the weather of their own link and direction', () => {
    const { world, a, b } = pair();
    world.link(A, B, { latencyMs: 300 });
    a.send(B, 'slow');
    b.send(A, 'quick');
    world.run(1_000);
    expect([a.lines, b.lines]).toEqual([['1 quick'], ['300 slow']]);
  });

  it('are drawn from generators of their own: another fault does not change which are lost', () => {
    const arrived = (weather: Partial<Weather>): string[] => {
      const { world, a, b } = pair({ loss: 0.5, ...weather });
      for (let i = 0; i < 100; i += 1) a.send(B, String(i));
      world.run(1_000);
      return [...new Set(b.lines.map((line) => line.split(' ')[1] as string))].sort();
    };
    expect(arrived({ tailMs: 50, duplicate: 0.3 })).toEqual(arrived({}));
  });
});

describe('streams', () => {
  const exchange = (weather: Partial<Weather>, seed: number): { world: World; a: Diary; b: Diary } => {
    const made = pair(weather, seed);
    const { world, a, b } = made;
    b.answer = (id) => world.after(0, () => b.do((effects) => effects.writeStream(id, new Uint8Array(700))));
    a.do((effects) => effects.writeStream(effects.openStream(B), new Uint8Array(900)));
    world.run(60_000);
    return made;
  };
  const words = (diary: Diary): string => diary.lines.map((line) => line.replace(/^\d+ /, '')).join(', ');

  it('carry what was written before they opened', () => {
    const { a, b } = exchange({}, 1);
    expect([words(a), words(b)]).toEqual(['opened, data 700', 'accepted, data 900']);
  });

  it('are refused', () => {
    const { world, a, b } = exchange({ streamRefuse: 1 }, 1);
    expect([words(a), words(b)]).toEqual(['failed', '']);
    expect(fired(world)).toEqual(['stream-refused']);
  });

  it('are cut in the middle of an exchange, on both sides', () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 20; seed += 1) {
      const { world, a, b } = exchange({ streamCut: 1 }, seed);
      if (world.faults['stream-cut'] === 0) continue;
      expect([words(a).endsWith('failed'), words(b).endsWith('failed')]).toEqual([true, true]);
      seen.add(words(b));
    }
    expect(seen.size).toBeGreaterThan(3);
  });

  it('stay half open: one direction is silent for ever', () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 10; seed += 1) {
      const { a, b } = exchange({ streamHalfOpen: 1 }, seed);
      seen.add(`${words(a)} | ${words(b)}`);
    }
    expect([...seen].sort()).toEqual(['opened | accepted, data 900', 'opened, data 700 | accepted']);
  });

  it('wait for a partition to end, and then bring everything in order', () => {
    const { world, a, b } = pair();
    let id = 0;
    a.do((effects) => {
      id = effects.openStream(B);
      effects.writeStream(id, new Uint8Array(1));
    });
    world.run(10);
    world.partition(separate([A]));
    a.do((effects) => {
      effects.writeStream(id, new Uint8Array(2));
      effects.writeStream(id, new Uint8Array(3));
      effects.closeStream(id);
    });
    world.run(10_000);
    expect(words(b)).toBe('accepted, data 1');
    world.heal();
    world.run(40_000);
    expect(words(b)).toBe('accepted, data 1, data 2, data 3, ended');
    expect(world.faults['stream-stall']).toBeGreaterThan(0);
  });

  it('are reset by the kernel of a process that dies, and by nobody where a machine loses power', () => {
    for (const powerLoss of [false, true]) {
      const { world, a, b } = exchange({}, 1);
      world.kill(b.address, { powerLoss });
      world.run(1_000);
      expect(words(a)).toBe(powerLoss ? 'opened, data 700' : 'opened, data 700, failed');
    }
  });
});

describe('processes', () => {
  it('hear after a pause what their kernel kept, and only then act', () => {
    const { world, a, b } = pair();
    b.wakeAt = 50;
    b.do(() => {});
    world.pause(B);
    a.send(B, 'one');
    a.send(B, 'two');
    world.run(2_050);
    expect(b.lines).toEqual([]);
    world.resume(B);
    world.run(1);
    expect(b.lines).toEqual(['2050 one', '2050 two', '2050 late 2000', '2050 tick']);
    expect(fired(world)).toEqual(['pause', 'inbox-kept']);
  });

  it('that are blocked act on their timers, and hear and send nothing until it ends', () => {
    const { world, a, b } = pair();
    b.wakeAt = 50;
    b.do(() => {});
    world.setBlocked(B, true);
    a.send(B, 'one');
    b.send(A, 'two');
    world.run(2_000);
    expect([a.lines, b.lines]).toEqual([[], ['50 tick']]);
    world.setBlocked(B, false);
    world.run(1);
    expect([a.lines, b.lines]).toEqual([['2001 two'], ['50 tick', '2000 one']]);
    expect(fired(world)).toEqual(['clog', 'inbox-kept']);
  });

  it('lose datagrams beyond what their kernel keeps', () => {
    const world = new World(1, { inboxBytes: 2_048 });
    const [a, b] = [new Diary(world, A), new Diary(world, B)];
    world.pause(B);
    a.send(B, 'x'.repeat(512), 5);
    world.run(10);
    world.resume(B);
    expect(b.lines).toHaveLength(2);
    expect(world.faults['inbox-overflow']).toBe(3);
  });

  it('are woken once for each deadline, at their own clock', () => {
    const { world, a, b } = pair();
    for (const diary of [a, b]) diary.wakeAt = 1_000;
    world.setClockRate(A, 2);
    world.setClockRate(B, 0.5);
    for (const diary of [a, b]) diary.do(() => {});
    world.run(5_000);
    expect([a.lines, b.lines]).toEqual([['500 tick'], ['2000 tick']]);
    expect([a.ticks, b.ticks]).toEqual([[1_000], [1_000]]);
    expect(world.localTime(A)).toBe(10_000);
  });

  it('are late where their clock jumps ahead, and wait where it stands still', () => {
    const { world, a } = pair();
    a.wakeAt = 1_000;
    a.do(() => {});
    world.setClockRate(A, 0);
    world.run(10_000);
    expect(a.lines).toEqual([]);
    world.setClockRate(A, 1);
    world.run(400);
    world.stepClock(A, 60_000);
    world.run(0);
    expect(a.lines).toEqual(['10400 late 59400', '10400 tick']);
    expect(a.ticks).toEqual([60_400]);
    expect(fired(world)).toEqual(['clock-step', 'clock-stall']);
  });

  it('never see time go back, whatever their clock does', () => {
    const { world, a } = pair();
    let last = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < 300; i += 1) {
      world.setClockRate(A, [1, 0.3, 0, 1.7, 1 / 3][i % 5] as number);
      if (i % 7 === 0) world.stepClock(A, i % 3 === 0 ? -50 : 50);
      a.wakeAt = last + 13.7;
      a.do((_effects, now) => {
        expect(now).toBeGreaterThanOrEqual(last);
        last = now;
      });
      world.run(29.3);
      for (const tick of a.ticks.splice(0)) {
        expect(tick).toBeGreaterThanOrEqual(last);
        last = tick;
      }
    }
  });

  it('count their bytes both ways', () => {
    const { world, a } = pair();
    a.send(B, 'four', 3);
    a.do((effects) => effects.writeStream(effects.openStream(B), new Uint8Array(10)));
    world.run(100);
    expect(world.traffic(A)).toMatchObject({
      datagramsOut: 3,
      datagramBytesOut: 12,
      streamsOpened: 1,
      streamBytesOut: 10,
    });
    expect(world.traffic(B)).toMatchObject({ datagramsIn: 3, datagramBytesIn: 12, streamBytesIn: 10 });
  });
});
