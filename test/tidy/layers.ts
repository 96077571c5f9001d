import { posix } from 'node:path';
import { modulesOf, placeOf, type Source } from './source.ts';

/**
 * Who may import whom. Imports point downward only, and the impure layers beside each other (`handlers`, `rpc`,
 * `runtime`, `render`, `http`) do not know each other: what one needs of another it states as an interface, and
 * `agent` supplies it. Imports of types count like any other: a type ties two layers together just as well.
 */
export const ALLOWED = {
  base: [],
  wire: ['base'],
  events: ['base'],
  coordinates: ['base'],
  swim: ['base', 'wire'],
  serf: ['base', 'wire', 'events', 'coordinates', 'swim'],
  policy: ['base', 'events'],
  sim: ['base', 'wire', 'events', 'coordinates', 'swim', 'serf'],
  runtime: ['base', 'wire', 'events', 'coordinates', 'swim', 'serf'],
  handlers: ['base', 'events', 'policy'],
  render: ['base', 'events', 'policy'],
  recipes: ['base', 'events', 'policy', 'handlers', 'render'],
  http: ['base', 'events'],
  rpc: ['base', 'events'],
  agent: [
    'base',
    'wire',
    'events',
    'coordinates',
    'swim',
    'serf',
    'policy',
    'runtime',
    'handlers',
    'render',
    'http',
    'rpc',
  ],
  cli: ['base', 'events', 'coordinates', 'rpc'],
  /** `src/index.ts`, the library's entry: the promise API and the RPC client, and the types they speak of. */
  index: ['base', 'events', 'coordinates', 'swim', 'serf', 'runtime', 'rpc', 'agent'],
  bin: ['cli'],
} as const satisfies Record<string, readonly string[]>;

export type Layer = keyof typeof ALLOWED;

/** Layers that commands of `cli` load lazily when they need no agent, besides what every command may import. */
const LAZY_FOR_CLI: readonly string[] = ['sim', 'render', 'policy', 'recipes'];

/** The commands that run an agent or read its configuration: only there does `cli` meet `agent`. */
const AGENT_COMMAND =
  /^src\/cli\/commands\/(?:run|config|recipe-world|render-offline|sim-settings)(?:[-.].*)?\.ts$|^src\/cli\/commands\/run\//;

/** The recipe commands need no agent and are themselves loaded lazily, so that they may name what they load. */
const RECIPE_COMMAND = /^src\/cli\/commands\/recipe-[a-z-]+\.ts$/;

/** The server's side of `rpc`, which `cli` may not use; `backend.ts` is the contract that both sides share. */
const RPC_SERVER_SIDE = /^src\/rpc\/(?:server|session|listener|commands\/|streams\/)/;

/** The async exceptions of `events`; nothing pure may import them. */
const ASYNC_EVENTS: readonly string[] = ['src/events/bus.ts', 'src/events/subscription.ts'];

/** Layers that are synchronous functions of their arguments. */
export const PURE: readonly string[] = ['base', 'wire', 'swim', 'events', 'serf', 'coordinates', 'policy'];

/** The layer of a path, or undefined when it lies in none that the table knows. */
export function layerOf(path: string): Layer | undefined {
  const [top, second] = path.split('/');
  const name = top === 'bin' ? 'bin' : second === 'index.ts' ? 'index' : second;
  return name !== undefined && Object.hasOwn(ALLOWED, name) ? (name as Layer) : undefined;
}

/** Every import that points where it must not, one line each. */
export function layerViolations(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const from = layerOf(source.path);
    if (from === undefined) return [`${source.path}: lies in no known layer`];
    return modulesOf(source)
      .filter((module) => module.specifier.startsWith('.'))
      .flatMap((module) => {
        const target = posix.join(posix.dirname(source.path), module.specifier);
        const complaint = complaintAbout(source.path, from, target, module.lazy);
        return complaint === undefined ? [] : [`${placeOf(source, module.node)}: ${complaint}`];
      });
  });
}

function complaintAbout(path: string, from: Layer, target: string, lazy: boolean): string | undefined {
  if (!target.endsWith('.ts')) return `'${target}' is not named with its .ts`;
  const to = layerOf(target);
  if (to === undefined) return `'${target}' lies in no known layer`;
  if (ASYNC_EVENTS.includes(target) && PURE.includes(from) && !ASYNC_EVENTS.includes(path)) {
    return `${from} is pure and may not import ${target}`;
  }
  if (from === 'cli' && to === 'rpc' && RPC_SERVER_SIDE.test(target)) {
    return `cli may import the RPC client, not ${target}`;
  }
  const allowed: readonly string[] = ALLOWED[from];
  if (to === from || allowed.includes(to)) return undefined;
  if (from === 'cli' && lazy && LAZY_FOR_CLI.includes(to)) return undefined;
  if (RECIPE_COMMAND.test(path) && (to === 'recipes' || to === 'render')) return undefined;
  if (to === 'agent' && AGENT_COMMAND.test(path)) return undefined;
  return `${from} may not import ${to}`;
}
