/** The library: a node of a Serf cluster in this process, and a client of an agent's RPC port. See docs/library.md. */

export { CodedError } from './base/errors.ts';
export type { Address } from './base/machine.ts';
export type { Trace, TraceLevel, TraceRecord } from './base/trace.ts';
export type { Coordinate } from './coordinates/coordinate.ts';
export { distance } from './coordinates/coordinate.ts';
export type {
  ClusterEvent,
  MemberEvent,
  MemberEventType,
  MemberInfo,
  MemberStatus,
  QueryEvent,
  UserEvent,
} from './events/event.ts';
export type { SubscribeOptions } from './events/subscription.ts';
export type { ConnectOptions } from './rpc/client.ts';
export { RpcClient } from './rpc/client.ts';
export type { ClientQuery } from './rpc/client-bodies.ts';
export type { ClientQueryRecord } from './rpc/records.ts';
export type { QueryReply } from './runtime/answers.ts';
export type { ClusterQuery, EventsOptions, JoinOptions, QueryReplies } from './runtime/cluster.ts';
export { Cluster } from './runtime/cluster.ts';
export type { ClusterOptions, CoalesceOptions } from './runtime/cluster-options.ts';
export type { SnapshotOptions } from './runtime/snapshot-file.ts';
export type { QueryTally } from './serf/awaited.ts';
export type { SerfConfig } from './serf/config.ts';
export type { KeyRequest } from './serf/key-manager.ts';
export type { KeyReport } from './serf/key-report.ts';
export type { PreviousNode } from './serf/snapshot.ts';
export type { ProfileName, SwimConfig } from './swim/config.ts';
