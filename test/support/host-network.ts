import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** What of the traffic between two groups of hosts is cut. */
export type Cut = 'gossip' | 'everything';

/** Hosts with addresses of their own, and between them a network that can be cut. */
export interface HostNetwork {
  /** Why these are only loopback addresses; undefined for real namespaces. */
  readonly fallback: string | undefined;
  address(host: string): string;
  /** The words that start a program on a host, before its own. */
  enter(host: string): readonly string[];
  /** Drops silently what `apart` and all others send each other, both ways. */
  cut(apart: readonly string[], what: Cut): void;
  /** Undoes every cut. */
  heal(): void;
  /** Takes a host's link down, as pulling its cable does, or up again. */
  link(host: string, up: boolean): void;
  close(): void;
}

/** Serf's gossip port, which tells gossip from everything else. */
const GOSSIP_PORT = 7946;

/** Why network namespaces cannot be made here, or undefined when they can. */
export const NO_NAMESPACES: string | undefined = (() => {
  const tried = spawnSync('unshare', ['--net', 'sh', '-ec', 'ip link add x0 type veth peer name x1'], {
    encoding: 'utf8',
  });
  if (tried.status === 0) return undefined;
  return tried.error?.message ?? tried.stderr.trim();
})();

/** A namespace of its own for each host, and one more that routes between them. They end with this process. */
export async function namespaceNetwork(hosts: readonly string[]): Promise<HostNetwork> {
  const holders = new Map<string, ChildProcess>();
  const pidOf = (host: string): number => holders.get(host)?.pid ?? Number.NaN;
  const enter = (host: string): readonly string[] => ['nsenter', `--net=/proc/${pidOf(host)}/ns/net`, '--'];
  const shell = (host: string, script: string): void => {
    const [program = '', ...words] = [...enter(host), 'sh', '-ec', script];
    execFileSync(program, words, { stdio: 'pipe' });
  };
  const number = new Map(hosts.map((host, at) => [host, at + 1]));
  const address = (host: string): string => `10.77.${number.get(host)}.2`;
  for (const name of [ROUTER, ...hosts]) holders.set(name, await namespace());
  const wires = hosts.map((host) => {
    const at = number.get(host);
    return `ip link add r${at} type veth peer name eth0 netns ${pidOf(host)}
      ip addr add 10.77.${at}.1/24 dev r${at}; ip link set r${at} up`;
  });
  shell(ROUTER, `echo 1 > /proc/sys/net/ipv4/ip_forward\n${wires.join('\n')}`);
  for (const host of hosts) {
    shell(host, plugged(number.get(host) ?? 0));
  }
  let rules: string[] = [];
  return {
    fallback: undefined,
    address,
    enter,
    cut(apart, what) {
      const added = apart.flatMap((host) => {
        const at = `10.77.${number.get(host)}.0/24`;
        const rest = what === 'everything' ? [''] : PROTOCOLS;
        return rest.flatMap((some) => [`from ${at} ${some}`, `to ${at} ${some}`]);
      });
      // Two that are apart from the others may be together.
      const kept = apart.flatMap((a) => apart.filter((b) => a !== b).map((b) => [a, b]));
      const together = kept.map(([a = '', b = '']) => `from ${address(a)} to ${address(b)}`);
      const drop = added.map((rule) => `ip rule add pref 20 ${rule} blackhole`);
      const pass = together.map((rule) => `ip rule add pref 10 ${rule} lookup main`);
      rules = [...rules, ...drop, ...pass];
      shell(ROUTER, [...pass, ...drop].join('\n'));
    },
    heal() {
      shell(ROUTER, rules.map((rule) => rule.replace(' add ', ' del ')).join('\n'));
      rules = [];
    },
    link(host, up) {
      shell(
        host,
        up ? `ip link set eth0 up; ${ROUTE} via 10.77.${number.get(host)}.1` : 'ip link set eth0 down',
      );
    },
    close() {
      for (const holder of holders.values()) holder.kill('SIGKILL');
    },
  };
}

const ROUTER = 'router';
const ROUTE = 'ip route replace default';
const PROTOCOLS = [`ipproto udp dport ${GOSSIP_PORT}`, `ipproto tcp dport ${GOSSIP_PORT}`];

function plugged(number: number): string {
  return `ip addr add 10.77.${number}.2/24 dev eth0; ip link set eth0 up; ${ROUTE} via 10.77.${number}.1`;
}

/** A process that holds a fresh network namespace, for as long as this one lives. */
async function namespace(): Promise<ChildProcess> {
  const script = 'ip link set lo up; echo ready; exec cat';
  const holder = spawn('unshare', ['--net', 'sh', '-ec', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  return holder;
}

/**
 * Loopback addresses, for machines where nobody may make namespaces. A cut is left to the caller: `onCut` is told whom to
 * silence, and an empty list ends it.
 */
export function loopbackNetwork(
  hosts: readonly string[],
  block: string,
  why: string,
  onCut: (apart: readonly string[]) => void,
): HostNetwork {
  const address = (host: string): string => `${block}.${hosts.indexOf(host) + 1}`;
  return {
    fallback: why,
    address,
    enter: () => [],
    cut: (apart) => onCut(apart),
    heal: () => onCut([]),
    link: (host, up) => onCut(up ? [] : [host]),
    close: () => onCut([]),
  };
}
