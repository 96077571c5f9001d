import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { type ClusterEvent, MEMBER_EVENT_TYPES } from '../events/event.ts';
import { eventVariables, supervisedEnvironment } from '../handlers/environment.ts';
import { selectEvent } from '../handlers/selection.ts';
import { handlerInput } from '../handlers/stdin.ts';
import type { SupervisedSpec } from '../handlers/supervised.ts';
import { systemCode } from '../render/files.ts';
import { daemonPath } from './checker.ts';
import type { Fixture, FixtureEvent } from './fixtures.ts';
import type { JsonObject } from './recipe.ts';

/** Reads the handler `name` of a piece of configuration, as an agent would. */
export type HandlerLoader = (fragment: JsonObject, name: string) => SupervisedSpec;

/** A handler's script does a line's work. */
const RUN_TIMEOUT_MS = 20_000;

/** A handler to try, and where what it names really is. */
export interface HandlerTrial {
  readonly spec: SupervisedSpec;
  /** The file it keeps, as configured: it is never touched. */
  readonly target: string;
  /** Where each file is that the configuration names by the path it is installed at. */
  readonly files: ReadonlyMap<string, string>;
  readonly path: string | undefined;
}

/**
 * Runs a classic handler on a fixture's events, one after another, in a directory of its own; what comes out is the
 * file it keeps, empty when it made none.
 *
 * @throws CodedError `ERR_RECIPE` when it cannot be tried or a run fails
 */
export function runHandlerFixture(trial: HandlerTrial, fixture: Fixture): Buffer {
  const { spec, target } = trial;
  if (spec.kind !== 'classic') {
    throw new CodedError('ERR_RECIPE', `handlers of kind '${spec.kind}' cannot be tried with fixtures`);
  }
  const work = mkdtempSync(join(tmpdir(), 'reeve-recipe-'));
  try {
    const file = join(work, basename(target) || 'file');
    if (fixture.before !== undefined) writeFileSync(file, fixture.before);
    const places = new Map([[target, file]]);
    for (const [installed, real] of trial.files) {
      const copy = join(work, `.${basename(installed)}`);
      copyFileSync(real, copy);
      places.set(installed, copy);
    }
    for (const happened of fixture.events) runOnce(trial, fixture, happened, places, work);
    return existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function runOnce(
  { spec, path }: HandlerTrial,
  { self }: Fixture,
  happened: FixtureEvent,
  places: ReadonlyMap<string, string>,
  work: string,
): void {
  const event = selectEvent(spec.filters, spec.members, eventOf(happened), self.name);
  if (event === undefined) return;
  const [program = '', ...args] = spec.command.map((word) => places.get(word) ?? word);
  const set = new Map([...spec.environment.set].map(([name, value]) => [name, places.get(value) ?? value]));
  const env = supervisedEnvironment(
    { inherited: { PATH: daemonPath(path), HOME: work }, secretNames: [], self },
    { rule: { inherit: undefined, set }, user: undefined, about: new Map(eventVariables(event)) },
  );
  const input = handlerInput(event);
  const run = spawnSync(program, args, { env, input, cwd: work, timeout: RUN_TIMEOUT_MS, encoding: 'utf8' });
  // One that ends without reading what it is told (EPIPE) is judged by how it ends.
  const trouble = systemCode(run.error) === 'EPIPE' ? undefined : run.error;
  if (trouble === undefined && run.status === 0) return;
  const why = trouble?.message ?? `exit ${run.status ?? run.signal}: ${run.stderr.trim()}`;
  throw new CodedError('ERR_RECIPE', `the handler failed on ${happened.event}: ${why}`);
}

function eventOf({ event, members }: FixtureEvent): ClusterEvent {
  const type = MEMBER_EVENT_TYPES.find((known) => known === event);
  if (type !== undefined) return { type, members };
  throw new CodedError('ERR_RECIPE', `'${event}' is none of ${MEMBER_EVENT_TYPES.join(', ')}`);
}
