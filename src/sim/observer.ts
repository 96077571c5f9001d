import type { Address, Millis, StreamInput } from '../base/machine.ts';
import type { FaultName } from './faults.ts';

/** One thing that happened in a world. `bytes` is borrowed. */
export type WorldRecord =
  | {
      readonly type: 'datagram';
      readonly at: Millis;
      readonly from: Address;
      readonly to: Address;
      readonly bytes: Uint8Array;
    }
  | {
      readonly type: 'stream';
      readonly at: Millis;
      readonly to: Address;
      readonly id: number;
      readonly input: StreamInput;
    }
  | {
      readonly type: 'fault';
      readonly at: Millis;
      readonly fault: FaultName;
      readonly from: Address | undefined;
      readonly to: Address | undefined;
    };

/** Told of each thing as it happens, inputs just before the machine gets them. Must not touch the world. */
export type WorldObserver = (record: WorldRecord) => void;
