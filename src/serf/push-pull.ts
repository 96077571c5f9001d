import { messageOf, WireError } from '../base/errors.ts';
import type { Millis } from '../base/machine.ts';
import type { LamportClock, SerfClocks } from './lamport.ts';
import type { SerfMemberView } from './members.ts';
import type { Membership } from './membership.ts';
import { type EventSlot, encodeState, type PushPullState, pushPullCodec, SerfType } from './messages.ts';
import type { UserEvents } from './user-events.ts';

/** Our whole state for a stream exchange (serf.md 7.1); unused slots of the event ring are left out. */
export function encodePushPull(
  clocks: SerfClocks,
  members: SerfMemberView,
  userEvents: UserEvents,
): Uint8Array {
  return encodeState({
    ltime: clocks.member.time,
    statusLTimes: { size: members.size, forEach: (visit) => members.eachLTime(visit) },
    leftMembers: [...members.left].map((member) => member.name),
    eventLTime: clocks.event.time,
    events: userEvents.slots(),
    queryLTime: clocks.query.time,
  });
}

/** A peer's state, or undefined after telling `failed` a code, and in Serf's words, why it cannot be used. */
export function decodePushPull(
  state: Uint8Array,
  failed: (code: string, text: string) => void,
): PushPullState | undefined {
  if (state.length === 0) {
    failed('remote-state-empty', 'Remote state is zero bytes');
    return undefined;
  }
  if (state[0] !== SerfType.pushPull) {
    failed('remote-state-type', `Remote state has bad type prefix: ${state[0]}`);
    return undefined;
  }
  try {
    return pushPullCodec.decode(state);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    failed(error.code, `Failed to decode remote state: ${messageOf(error)}`);
    return undefined;
  }
}

/** What a peer's state is merged into. */
export interface MergeTargets {
  readonly clocks: SerfClocks;
  readonly membership: Membership;
  readonly userEvents: UserEvents;
  /** Drop the events that happened before this exchange. */
  readonly ignoreOld: boolean;
  /** True for another member that SWIM holds for live, having taken in the peer's view of it already. */
  readonly isUp: (name: string) => boolean;
}

/**
 * Merges a peer's state (serf.md 7.2). Left members come before the others, with their time plus one, because a join
 * intent of the same time would hide the leave. Nothing learned this way is gossiped on.
 *
 * One rule is ours: who is up has not left, and neither has whoever turns out to be up later. A peer that missed the
 * return of a member still lists it as left, with the time of the very join intent that announced the return; that time
 * plus one would make it `leaving` here for ever, since the member never hears of it and so never refutes it.
 */
export function mergePushPull(now: Millis, state: PushPullState, targets: MergeTargets): void {
  const { clocks, membership, userEvents } = targets;
  witnessBefore(clocks.member, state.ltime);
  witnessBefore(clocks.event, state.eventLTime);
  witnessBefore(clocks.query, state.queryLTime);
  const left = new Set(state.leftMembers);
  for (const node of left) {
    const ltime = Math.min((state.statusLTimes.get(node) ?? 0) + 1, Number.MAX_SAFE_INTEGER);
    if (targets.isUp(node)) clocks.member.witness(ltime);
    else membership.leaveIntent(now, { ltime, node, prune: false }, true);
  }
  for (const [node, ltime] of state.statusLTimes) {
    if (!left.has(node)) membership.joinIntent(now, { ltime, node }, true);
  }
  if (targets.ignoreOld) userEvents.ignoreBefore(state.eventLTime);
  const slots = state.events.filter((slot): slot is EventSlot => slot !== null);
  slots.sort((a, b) => a.ltime - b.ltime);
  for (const { ltime, events } of slots) {
    for (const { name, payload } of events) {
      userEvents.receive(now, { ltime, name, payload, coalesce: false });
    }
  }
}

function witnessBefore(clock: LamportClock, time: number): void {
  if (time > 0) clock.witness(time - 1);
}
