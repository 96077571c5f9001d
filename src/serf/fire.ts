import { unreachable } from '../base/assert.ts';
import type { Millis } from '../base/machine.ts';
import type { SerfDeadline } from './deadline.ts';
import type { SerfParts } from './parts.ts';

/** A deadline has come: hands it to the part that set it. */
export function fire(now: Millis, parts: SerfParts, due: SerfDeadline): void {
  const { membership, queries, asking, leaving, upkeep, recorder, rejoin } = parts;
  switch (due.type) {
    case 'reap':
    case 'reconnect':
    case 'seek':
    case 'queue-check':
      upkeep.due(now, due.type);
      return;
    case 'clock-check':
      recorder.clockDue(now);
      return;
    case 'rejoin':
      rejoin.due(now);
      return;
    case 'leave':
      leaving.leaveDue(now);
      return;
    case 'force-leave':
      leaving.removalDue(due.operation);
      return;
    case 'prune':
      membership.pruneDue(now, due.name);
      return;
    case 'leave-overdue':
      membership.overdue(now, due.name);
      return;
    case 'reassure':
      membership.announceJoin(now);
      return;
    case 'query-expired':
      queries.expire(due.id);
      return;
    case 'query-over':
      asking.over(now, due.ltime);
      return;
    default:
      unreachable(due);
  }
}
