import type { KeyReport, KeyRequest } from '../backend.ts';
import { wireInteger, wireText, wireTextMap } from '../codec.ts';
import { boolField, textField } from '../fields.ts';
import type { WireStruct } from '../protocol.ts';
import type { Command } from './command.ts';

/** The four key commands; clients read the body also after an error. */
export const installKey = keyCommand('install');
export const useKey = keyCommand('use');
export const removeKey = keyCommand('remove');
export const listKeys = keyCommand('list');

function keyCommand(action: KeyRequest['action']): Command {
  return {
    emptyBody: { Keys: null, Messages: new Map(), NumErr: 0, NumNodes: 0, NumResp: 0 },
    async run({ backend }, body) {
      const key = action === 'list' ? '' : textField(body, 'Key');
      const force = boolField(body, 'Force');
      const report = await backend.keys({ action, key, force });
      return { error: report.error ?? '', body: reportBody(report, action) };
    },
  };
}

/** Only `list` has keys; for the others Go's map is nil. */
function reportBody(report: KeyReport, action: KeyRequest['action']): WireStruct {
  const keys = new Map([...report.keys].map(([key, nodes]) => [wireText(key), wireInteger(nodes)]));
  return {
    Keys: action === 'list' ? keys : null,
    Messages: wireTextMap(report.messages),
    NumErr: report.numErr,
    NumNodes: report.numNodes,
    NumResp: report.numResp,
  };
}
