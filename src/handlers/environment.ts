import type { ClusterEvent } from '../events/event.ts';
import type { HandlerSelf } from './context.ts';
import type { EnvironmentRule, HandlerUser } from './supervised.ts';

/** Variables that may hold a key or token of the agent and are never handed to a handler. */
export const SECRET_VARIABLES: readonly string[] = [
  'SERF_RPC_AUTH',
  'REEVE_RPC_AUTH',
  'SERF_ENCRYPT',
  'REEVE_ENCRYPT',
  'SERF_ENCRYPT_KEY',
  'REEVE_ENCRYPT_KEY',
];

export interface EnvironmentSource {
  /** The agent's own environment. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
  readonly secretNames: readonly string[];
  readonly self: HandlerSelf;
}

/** A handler's environment (agent.md 14.3): the agent's own less its secrets, then Serf's variables, which win. */
export function handlerEnvironment(event: ClusterEvent, source: EnvironmentSource): Record<string, string> {
  const environment = inheritedVariables(source);
  for (const [name, value] of selfVariables(source.self)) environment[name] = passable(value);
  for (const [name, value] of eventVariables(event)) environment[name] = passable(value);
  return environment;
}

/** What sets a supervised handler's environment apart. */
export interface SupervisedVariables {
  readonly rule: EnvironmentRule;
  readonly user: HandlerUser | undefined;
  /** What the run is about, over everything else. */
  readonly about: ReadonlyMap<string, string>;
}

/**
 * The environment of a supervised handler: what it may inherit, its user's home and name, what it sets, then Serf's
 * variables, which win.
 */
export function supervisedEnvironment(
  source: EnvironmentSource,
  { rule, user, about }: SupervisedVariables,
): Record<string, string> {
  const environment = inheritedVariables(source, rule.inherit);
  if (user !== undefined) {
    Object.assign(environment, { HOME: user.home, USER: user.name, LOGNAME: user.name });
  }
  for (const [name, value] of rule.set) environment[name] = passable(value);
  for (const [name, value] of selfVariables(source.self)) environment[name] = passable(value);
  for (const [name, value] of about) environment[name] = passable(value);
  return environment;
}

function inheritedVariables(
  { inherited, secretNames }: EnvironmentSource,
  only?: readonly string[],
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(inherited)) {
    if (value === undefined || SECRET_VARIABLES.includes(name) || secretNames.includes(name)) continue;
    if (only === undefined || only.includes(name)) environment[name] = value;
  }
  return environment;
}

/** Serf's variables about this node. */
export function* selfVariables(self: HandlerSelf): Generator<readonly [string, string]> {
  yield ['SERF_SELF_NAME', self.name];
  yield ['SERF_SELF_ROLE', self.tags.get('role') ?? ''];
  for (const [tag, value] of self.tags) yield [`SERF_TAG_${tagVariable(tag)}`, value];
}

/** Serf's variables about an event. */
export function* eventVariables(event: ClusterEvent): Generator<readonly [string, string]> {
  yield ['SERF_EVENT', event.type];
  switch (event.type) {
    case 'user':
      yield ['SERF_USER_EVENT', event.name];
      yield ['SERF_USER_LTIME', String(event.ltime)];
      return;
    case 'query':
      yield ['SERF_QUERY_NAME', event.name];
      yield ['SERF_QUERY_LTIME', String(event.ltime)];
      return;
    default:
  }
}

/**
 * Upper-cases each code point alone, as Go does, and makes `_` of everything outside `A-Z0-9_`. A code point whose
 * upper form is longer stays itself: `straße` becomes `STRA_E`, not `STRASSE`.
 */
function tagVariable(tag: string): string {
  let out = '';
  for (const point of tag) {
    const upper = point.toUpperCase();
    const one = [...upper].length === 1 ? upper : point;
    out += /^[A-Z0-9_]$/.test(one) ? one : '_';
  }
  return out;
}

/** No environment can hold a NUL, and one in a peer's tag must not keep the handler from running. */
function passable(value: string): string {
  return value.replaceAll('\0', '\ufffd');
}
