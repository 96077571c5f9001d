import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { CodedError } from '../../base/errors.ts';
import type { Address } from '../../base/machine.ts';

/** The sockets of multicast DNS. */

export type Family = 'IPv4' | 'IPv6';

/** Where multicast DNS is spoken. */
export const GROUPS: Readonly<Record<Family, Address>> = {
  IPv4: { ip: '224.0.0.251', port: 5353 },
  IPv6: { ip: 'ff02::fb', port: 5353 },
};

/** Takes one datagram; the bytes are borrowed. */
export type Receive = (from: Address, bytes: Uint8Array) => void;

export interface MdnsSocket {
  /** Rejects with the system's error. */
  send(to: Address, bytes: Uint8Array): Promise<void>;
  /** Delivers nothing from now on; resolves when the port is free. */
  close(): Promise<void>;
}

/** What finding agents needs of the network; tests bring their own. Both reject with the system's error. */
export interface MdnsNetwork {
  /** Hears what is sent to the group of a family, beside other programs of this machine that do. */
  listen(family: Family, receive: Receive): Promise<MdnsSocket>;
  /** A socket on a port of its own that can send to the group. */
  ask(family: Family, receive: Receive): Promise<MdnsSocket>;
}

/** The network of this machine, by the interface of that name, or by the one the system chooses if it is empty. */
export function systemNetwork(interfaceName: string): MdnsNetwork {
  return {
    listen: (family, receive) =>
      bind(family, GROUPS[family].port, receive, (socket) => {
        if (interfaceName === '') socket.addMembership(GROUPS[family].ip);
        else socket.addMembership(GROUPS[family].ip, interfaceHandle(interfaceName, family));
      }),
    ask: (family, receive) =>
      bind(family, 0, receive, (socket) => {
        if (interfaceName !== '') socket.setMulticastInterface(interfaceHandle(interfaceName, family));
      }),
  };
}

/** Node names interfaces by an IPv4 address of theirs, or by the zone of an IPv6 address. */
function interfaceHandle(name: string, family: Family): string {
  if (family === 'IPv6') return `::%${name}`;
  const found = networkInterfaces()[name]?.find((entry) => entry.family === 'IPv4');
  if (found === undefined) throw new CodedError('ERR_INTERFACE', `interface '${name}' has no IPv4 address`);
  return found.address;
}

function bind(
  family: Family,
  port: number,
  receive: Receive,
  prepare: (socket: Socket) => void,
): Promise<MdnsSocket> {
  const socket = createSocket({
    type: family === 'IPv4' ? 'udp4' : 'udp6',
    reuseAddr: port !== 0,
    ipv6Only: family === 'IPv6',
    // Only IP addresses are sent to; resolving them again could only go wrong.
    lookup: (host, _options, done) => done(null, host, family === 'IPv4' ? 4 : 6),
  });
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', failed);
    socket.bind({ port, exclusive: true }, () => {
      socket.off('error', failed);
      try {
        prepare(socket);
      } catch (error) {
        failed(error);
        return;
      }
      // A receive error concerns one datagram; the socket stays usable.
      socket.on('error', () => undefined);
      socket.on('message', (bytes, from) => receive({ ip: from.address, port: from.port }, bytes));
      resolve({ send: (to, bytes) => send(socket, to, bytes), close: () => close(socket) });
    });
  });
}

function send(socket: Socket, to: Address, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    // Throws where Node itself refuses: port 0, or a socket closed meanwhile.
    socket.send(bytes, to.port, to.ip, (error) => (error === null ? resolve() : reject(error)));
  });
}

function close(socket: Socket): Promise<void> {
  socket.removeAllListeners('message');
  return new Promise((resolve) => socket.close(() => resolve()));
}
