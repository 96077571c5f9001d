import { hostname } from 'node:os';
import { ipText } from '../../base/address.ts';
import { CodedError, messageOf } from '../../base/errors.ts';
import type { Cluster } from '../../runtime/cluster.ts';
import type { AgentSettings } from '../config/settings.ts';
import type { AgentLog } from '../logging.ts';
import { Mdns } from './mdns.ts';
import { type Family, systemNetwork } from './network.ts';

export interface MdnsParts {
  readonly settings: AgentSettings;
  readonly cluster: Pick<Cluster, 'localMember' | 'members'>;
  readonly log: AgentLog;
  readonly join: (addresses: readonly string[], replay: boolean) => Promise<number>;
}

/**
 * Starts finding agents by multicast DNS, if the configuration asks for it.
 *
 * @throws CodedError `ERR_START_MDNS` with Serf's text
 */
export async function startMdns({ settings, cluster, log, join }: MdnsParts): Promise<Mdns | undefined> {
  const { values } = settings.config;
  if (values.discover === '') return undefined;
  const { addr, port } = cluster.localMember();
  const families: Family[] = [];
  if (!values['mdns.disable_ipv4']) families.push('IPv4');
  if (!values['mdns.disable_ipv6']) families.push('IPv6');
  try {
    return await Mdns.start({
      announcement: {
        cluster: values.discover,
        nodeName: settings.nodeName,
        hostName: hostname(),
        address: { ip: ipText(addr) ?? '', port },
      },
      families,
      network: systemNetwork(values['mdns.interface'] || values.interface),
      join: (addresses) => join(addresses, values.replay_on_join),
      log: (level, text) => log.write(level, 'agent.mdns', text),
      alone: () => cluster.members().filter(({ status }) => status === 'alive').length <= 1,
    });
  } catch (error) {
    throw new CodedError('ERR_START_MDNS', `Error starting mDNS listener: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
