import type { SerfConfig } from './config.ts';
import { MAX_LAMPORT_TIME } from './lamport.ts';
import type { Snapshot } from './snapshot.ts';

/** What an earlier run tells the machine at its start. */
export type StartSettings = Pick<
  SerfConfig,
  'lastTimes' | 'eventMinTime' | 'queryMinTime' | 'previousNodes' | 'recordSnapshot'
>;

/** Events of the earlier run are over: only later ones are wanted (serf.md 16.4). */
export function startSettingsOf(snapshot: Snapshot): StartSettings {
  const { lastTimes, alive, failed } = snapshot;
  return {
    lastTimes,
    eventMinTime: Math.min(lastTimes.event + 1, MAX_LAMPORT_TIME),
    queryMinTime: Math.min(lastTimes.query + 1, MAX_LAMPORT_TIME),
    previousNodes: { alive, failed },
    recordSnapshot: true,
  };
}
