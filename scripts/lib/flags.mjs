import { isIPv6 } from 'node:net';

const GOSSIP_PORT = 7946;
const RPC_PORT = 7373;

/**
 * The last value of an agent flag among raw arguments, in any of the agent's spellings (`-x v`, `-x=v`, `--x v`,
 * `--x=v`); undefined when it is not given.
 */
export function flagValue(args, name) {
  let value;
  for (const [index, arg] of args.entries()) {
    const [, flag, inline] = /^--?([a-z][a-z-]*)(?:=(.*))?$/s.exec(arg) ?? [];
    if (flag === name) value = inline ?? args[index + 1];
  }
  return value;
}

/** Splits `127.0.0.1`, `127.0.0.1:7946`, `::1` or `[::1]:7946`. */
export function hostAndPort(text, defaultPort) {
  if (isIPv6(text)) return { host: text, port: defaultPort };
  const [, host, port] = /^(.*?)(?::(\d+))?$/s.exec(text);
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: port === undefined ? defaultPort : Number(port) };
}

function isLoopback(host) {
  return host === '::1' || host === 'localhost' || /^127\./.test(host);
}

function joined(host, port) {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Where an agent bound to `bind` takes commands: the same loopback address, and as far from 7373 as its gossip port
 * is from 7946, so that agents that do not collide there do not collide here. Never an address other hosts reach.
 */
export function rpcAddress(bind) {
  const { host, port } = hostAndPort(bind, GOSSIP_PORT);
  const rpcPort = RPC_PORT + (port - GOSSIP_PORT);
  const usable = rpcPort > 0 && rpcPort < 65_536 ? rpcPort : RPC_PORT;
  return joined(isLoopback(host) ? host : '127.0.0.1', usable);
}

/** A name for an agent that was given none: `one` for the first, one made of its address for the others. */
export function nodeName(bind) {
  const { host, port } = hostAndPort(bind, GOSSIP_PORT);
  if (host === '127.0.0.1' && port === GOSSIP_PORT) return 'one';
  const place = port === GOSSIP_PORT ? host : `${host}-${port}`;
  return `node-${place.replace(/[^A-Za-z0-9]+/g, '-')}`;
}
