import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import type { Millis, StreamInput } from '../../../src/base/machine.ts';
import { Pump, type PumpedMachine, type Scheduler } from '../../../src/runtime/pump.ts';
import type { Ingress, Transport } from '../../../src/runtime/transport.ts';

/** A hand-moved clock and event loop. */
class Loop implements Scheduler {
  now: Millis = 1_000;
  timer: { action: () => void; delayMs: Millis } | undefined;
  timersSet = 0;
  readonly polls: (() => void)[] = [];

  setTimer(action: () => void, delayMs: Millis): unknown {
    this.timersSet += 1;
    this.timer = { action, delayMs };
    return this.timer;
  }

  clearTimer(timer: unknown): void {
    if (timer === this.timer) this.timer = undefined;
  }

  afterPoll(action: () => void): void {
    this.polls.push(action);
  }

  /** The timer fires. */
  fire(): void {
    const { timer } = this;
    this.timer = undefined;
    timer?.action();
  }

  /** One turn: `arriving` comes out of the sockets, then the check phase runs. */
  turn(arriving: () => void = () => {}): void {
    arriving();
    for (const action of this.polls.splice(0)) action();
  }
}

class FakeTransport implements Transport {
  localPort = 0;
  readonly counters = new Map<string, number>();
  ingress: Ingress | undefined;

  async start(ingress: Ingress, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.localPort = 7946;
    this.ingress = ingress;
  }

  async stopped(): Promise<void> {}
  sendDatagram(): void {}
  openStream(): number {
    return 1;
  }
  writeStream(): void {}
  closeStream(): void {}
}

class FakeMachine implements PumpedMachine {
  readonly log: string[] = [];
  deadline: Millis = Number.POSITIVE_INFINITY;
  onInput: () => void = () => {};

  start(now: Millis): void {
    this.#note(`start@${now}`);
  }
  datagram(now: Millis, from: { ip: string }, bytes: Uint8Array): void {
    this.#note(`datagram@${now} ${from.ip} ${Buffer.from(bytes)}`);
  }
  stream(now: Millis, id: number, input: StreamInput): void {
    this.#note(`stream@${now} ${id} ${input.type}`);
  }
  undeliverable(now: Millis, to: { ip: string }, why: string): void {
    this.#note(`undeliverable@${now} ${to.ip} ${why}`);
  }
  lagged(_now: Millis, lateMs: Millis): void {
    this.log.push(`lagged ${lateMs}`);
  }
  tick(now: Millis): void {
    this.deadline = Number.POSITIVE_INFINITY;
    this.#note(`tick@${now}`);
  }
  nextDeadline(): Millis {
    return this.deadline;
  }
  #note(line: string): void {
    this.log.push(line);
    this.onInput();
  }
}

async function start(machine = new FakeMachine()) {
  const loop = new Loop();
  const transport = new FakeTransport();
  const fatal: { error: unknown; input: string }[] = [];
  const after: string[] = [];
  const controller = new AbortController();
  const pump = new Pump<FakeMachine>({
    transport,
    clock: () => loop.now,
    scheduler: loop,
    onFatal: (error, input) => fatal.push({ error, input }),
    afterInput: () => after.push(machine.log.at(-1) ?? ''),
  });
  let port = 0;
  const make = (bound: number): FakeMachine => {
    port = bound;
    return machine;
  };
  await pump.start(make, controller.signal);
  return { pump, loop, transport, machine, fatal, after, controller, port };
}

const FROM = { ip: '10.0.0.1', port: 7946 };

describe('Pump', () => {
  it('makes the machine once the port is known, and starts it', async () => {
    const { port, machine } = await start();
    expect(port).toBe(7946);
    expect(machine.log).toEqual(['start@1000']);
  });

  it('stamps each input with the clock', async () => {
    const { pump, loop, machine } = await start();
    loop.now = 1_500;
    pump.datagram(FROM, Buffer.from('x'));
    loop.now = 1_501;
    pump.stream(3, { type: 'opened' });
    pump.undeliverable(FROM, 'refused');
    expect(machine.log.slice(1)).toEqual([
      'datagram@1500 10.0.0.1 x',
      'stream@1501 3 opened',
      'undeliverable@1501 10.0.0.1 refused',
    ]);
  });

  it('drops what arrives before there is a machine', () => {
    const transport = new FakeTransport();
    const pump = new Pump<FakeMachine>({ transport, clock: () => 0, onFatal: () => {} });
    expect(() => pump.datagram(FROM, Buffer.from('early'))).not.toThrow();
    expect(() => pump.run(() => 1)).toThrow(expect.objectContaining({ code: 'ERR_BROKEN' }));
  });

  it('keeps one timer, for the next deadline, and leaves it alone while the deadline stays', async () => {
    const { pump, loop, machine } = await start();
    expect(loop.timer).toBeUndefined();
    machine.deadline = 1_250.2;
    pump.datagram(FROM, Buffer.from('x'));
    expect(loop.timer?.delayMs).toBe(251);
    loop.now = 1_100;
    pump.datagram(FROM, Buffer.from('y'));
    expect(loop.timersSet).toBe(1);
    machine.deadline = 1_120;
    pump.datagram(FROM, Buffer.from('z'));
    expect(loop.timer?.delayMs).toBe(20);
    expect(loop.timersSet).toBe(2);
  });

  it('waits no shorter than 0 and no longer than a timer can', async () => {
    const { pump, loop, machine } = await start();
    machine.deadline = 10;
    pump.run(() => {});
    expect(loop.timer?.delayMs).toBe(0);
    machine.deadline = 1e13;
    pump.run(() => {});
    expect(loop.timer?.delayMs).toBe(2 ** 31 - 1);
  });

  it('drains before judging: a due tick waits until a turn brings no datagram', async () => {
    const { pump, loop, machine } = await start();
    machine.deadline = 1_200;
    pump.run(() => {});
    loop.now = 1_900;
    loop.fire();
    loop.turn(() => pump.datagram(FROM, Buffer.from('ack 1')));
    loop.turn(() => pump.datagram(FROM, Buffer.from('ack 2')));
    expect(machine.log.slice(1)).toEqual(['datagram@1900 10.0.0.1 ack 1', 'datagram@1900 10.0.0.1 ack 2']);
    loop.turn();
    expect(machine.log.slice(3)).toEqual(['lagged 700', 'tick@1900']);
  });

  it('judges after eight turns even if datagrams never end', async () => {
    const { pump, loop, machine } = await start();
    machine.deadline = 1_000;
    pump.run(() => {});
    loop.fire();
    let turns = 0;
    while (!machine.log.includes('tick@1000') && turns < 20) {
      turns += 1;
      loop.turn(() => pump.datagram(FROM, Buffer.from('flood')));
    }
    expect(turns).toBe(8);
  });

  it('does not tick when what was drained moved the deadline', async () => {
    const { pump, loop, machine } = await start();
    machine.deadline = 1_000;
    pump.run(() => {});
    loop.fire();
    loop.turn(() => {
      machine.deadline = 5_000;
      pump.datagram(FROM, Buffer.from('ack'));
    });
    loop.turn();
    expect(machine.log).not.toContain('tick@1000');
    expect(loop.timer?.delayMs).toBe(4_000);
  });

  it('re-arms after a timer that fired early', async () => {
    const { pump, loop, machine } = await start();
    machine.deadline = 1_010;
    pump.run(() => {});
    loop.now = 1_009.5;
    loop.fire();
    loop.turn();
    expect(machine.log).toEqual(['start@1000']);
    expect(loop.timer?.delayMs).toBe(1);
  });

  it('returns what a command returns and hands a CodedError to its caller alone', async () => {
    const { pump, fatal } = await start();
    expect(pump.run((now) => now + 1)).toBe(1_001);
    const refuse = (): never => {
      throw new CodedError('ERR_TOO_BIG', 'too big');
    };
    expect(() => pump.run(refuse)).toThrow('too big');
    expect(fatal).toEqual([]);
    expect(pump.run(() => 'alive')).toBe('alive');
  });

  it('calls afterInput once the machine has returned, and lets it call back in', async () => {
    const { pump, after, machine } = await start();
    pump.datagram(FROM, Buffer.from('x'));
    expect(after).toEqual(['start@1000', 'datagram@1000 10.0.0.1 x']);
    let depth = 0;
    machine.onInput = () => {
      depth += 1;
    };
    pump.run((now, inner) => inner.tick(now));
    expect(depth).toBe(1);
  });

  it('treats an effect that re-enters the machine as a broken invariant', async () => {
    const { pump, machine, fatal, loop } = await start();
    machine.onInput = () => pump.stream(1, { type: 'opened' });
    pump.datagram(FROM, Buffer.from('hi'));
    expect(String(fatal[0]?.error)).toContain('re-enter');
    expect(fatal[0]?.input).toBe('datagram from 10.0.0.1:7946, 2 bytes: 6869');
    expect(loop.timer).toBeUndefined();
  });

  it('stops for good when the machine breaks, whatever the input, and describes that input', async () => {
    const cases: [(pump: Pump<FakeMachine>) => void, string][] = [
      [
        (pump) => pump.stream(4, { type: 'data', bytes: Buffer.from([1, 255]) }),
        'stream 4 data, 2 bytes: 01ff',
      ],
      [(pump) => pump.stream(4, { type: 'ended' }), 'stream 4 ended'],
      [(pump) => pump.undeliverable(FROM, 'local'), 'undeliverable to 10.0.0.1:7946: local'],
    ];
    for (const [input, described] of cases) {
      const { pump, machine, fatal } = await start();
      machine.onInput = () => {
        throw new CodedError('ERR_ANY', 'even a coded one: the network cannot be told');
      };
      input(pump);
      expect(fatal.map((entry) => entry.input)).toEqual([described]);
      pump.datagram(FROM, Buffer.from('more'));
      expect(machine.log).toHaveLength(2);
      expect(() => pump.run(() => 1)).toThrow(expect.objectContaining({ code: 'ERR_BROKEN' }));
    }
  });

  it('reports a tick and a command that break the machine', async () => {
    const one = await start();
    one.machine.deadline = 1_000;
    one.machine.onInput = () => {
      throw new Error('bug');
    };
    one.pump.run(() => {});
    one.loop.fire();
    one.loop.turn();
    expect(one.fatal[0]?.input).toBe('tick');
    const two = await start();
    const bug = (): never => {
      throw new Error('bug');
    };
    expect(() => two.pump.run(bug)).toThrow('bug');
    expect(two.fatal[0]?.input).toBe('a command');
  });

  it('shows at most a datagram of a long input', async () => {
    const { pump, machine, fatal } = await start();
    machine.onInput = () => {
      throw new Error('bug');
    };
    pump.stream(1, { type: 'data', bytes: new Uint8Array(1_000_000) });
    expect(fatal[0]?.input.length).toBeLessThan(3_000);
  });

  it('rejects, and leaves no timer, when the machine cannot start', async () => {
    const machine = new FakeMachine();
    machine.deadline = 5;
    machine.onInput = () => {
      throw new Error('bad configuration');
    };
    await expect(start(machine)).rejects.toThrow('bad configuration');
  });

  it('delivers nothing after an abort, but still answers commands', async () => {
    const { pump, machine, loop, controller } = await start();
    machine.deadline = 2_000;
    pump.run(() => {});
    controller.abort();
    expect(loop.timer).toBeUndefined();
    pump.datagram(FROM, Buffer.from('late'));
    expect(machine.log).toEqual(['start@1000']);
    expect(pump.run(() => 'after the end')).toBe('after the end');
    expect(loop.timer).toBeUndefined();
  });
});
