import { setTimeout as sleep } from 'node:timers/promises';
import { NetTransport } from '../../src/runtime/net-transport.ts';
import { type TransportLab, transportContract } from './transport.ts';

/** Loopback sockets; each transport of a test has its own address, as two hosts would. */
function loopbackLab(addresses: readonly string[]): () => TransportLab {
  return () => {
    let next = 0;
    return {
      create: () => {
        const ip = addresses[next % addresses.length] as string;
        next += 1;
        return { ip, transport: new NetTransport({ ip, port: 0 }) };
      },
      until: async (done) => {
        const giveUpAt = performance.now() + 5_000;
        while (!done()) {
          if (performance.now() > giveUpAt) throw new Error('the network did not get there in 5 s');
          await sleep(2);
        }
      },
      settle: () => sleep(30),
    };
  };
}

transportContract('loopback, IPv4', loopbackLab(['127.83.1.1', '127.83.1.2', '127.83.1.3']));
transportContract('loopback, IPv6', loopbackLab(['::1']));
