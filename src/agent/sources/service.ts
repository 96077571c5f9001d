import { Resolver } from 'node:dns/promises';
import { hostPort } from '../../base/address.ts';
import { CodedError } from '../../base/errors.ts';

/** Records of one service that are contacted. */
export const MAX_SERVICE_RECORDS = 64;
/** Wait for one name server, and how many times. */
const LOOKUP_TIMEOUT_MS = 3_000;
const LOOKUP_TRIES = 2;

export interface ServiceRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
}

/** Finds the SRV records of a service. */
export type ServiceLookup = (service: string) => Promise<readonly ServiceRecord[]>;

/** Asks the name servers of the system, read from its configuration anew each time. */
export const systemServiceLookup: ServiceLookup = (service) =>
  new Resolver({ timeout: LOOKUP_TIMEOUT_MS, tries: LOOKUP_TRIES }).resolveSrv(service);

/** `host:port` of every place that offers the service, those of the lowest priority number first. */
export async function lookUpService(service: string, lookup: ServiceLookup): Promise<readonly string[]> {
  const records = [...(await lookup(service))].sort((a, b) => a.priority - b.priority);
  const places = records
    .filter(({ name }) => name !== '' && name !== '.')
    .slice(0, MAX_SERVICE_RECORDS)
    .map(({ name, port }) => hostPort({ ip: name, port }));
  if (places.length > 0) return places;
  throw new CodedError('ERR_JOIN_SOURCE', `no such service is offered; check the SRV record of ${service}`);
}
