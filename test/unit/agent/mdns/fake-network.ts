import type { Family, MdnsNetwork, MdnsSocket, Receive } from '../../../../src/agent/mdns/network.ts';
import type { Address } from '../../../../src/base/machine.ts';

export interface FakeSocket extends MdnsSocket {
  readonly kind: 'listen' | 'ask';
  readonly family: Family;
  readonly receive: Receive;
  readonly sent: { readonly to: Address; readonly bytes: Uint8Array }[];
  open: boolean;
}

/** A network that keeps what is sent, and fails where it is told to. */
export interface FakeNetwork extends MdnsNetwork {
  /** Every socket there ever was. */
  readonly sockets: FakeSocket[];
  /** What fails, and with what: `listen IPv4`, `ask IPv6`, `send IPv4`. */
  readonly failures: Map<string, string>;
  open(kind: FakeSocket['kind'], family?: Family): FakeSocket[];
}

export function fakeNetwork(): FakeNetwork {
  const sockets: FakeSocket[] = [];
  const failures = new Map<string, string>();
  const failing = (what: string): Promise<void> => {
    const why = failures.get(what);
    return why === undefined ? Promise.resolve() : Promise.reject(new Error(why));
  };
  const make = (kind: FakeSocket['kind']) => async (family: Family, receive: Receive) => {
    await failing(`${kind} ${family}`);
    const socket: FakeSocket = {
      kind,
      family,
      receive,
      sent: [],
      open: true,
      send: (to, bytes) => {
        if (!failures.has(`send ${family}`)) socket.sent.push({ to, bytes });
        return failing(`send ${family}`);
      },
      close: async () => {
        socket.open = false;
      },
    };
    sockets.push(socket);
    return socket;
  };
  return {
    sockets,
    failures,
    listen: make('listen'),
    ask: make('ask'),
    open: (kind, family) =>
      sockets.filter(
        (each) => each.open && each.kind === kind && (family === undefined || each.family === family),
      ),
  };
}
