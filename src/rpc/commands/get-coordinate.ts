import type { WireCoordinate } from '../backend.ts';
import { wireFloat } from '../codec.ts';
import { textField } from '../fields.ts';
import type { WireStruct } from '../protocol.ts';
import type { Command } from './command.ts';

/** Where a node is in round-trip space; an unknown one is `Ok` false with zeros. */
export const getCoordinate: Command = {
  emptyBody: coordinateBody(undefined),
  run({ backend }, body) {
    return { body: coordinateBody(backend.coordinate(textField(body, 'Node'))) };
  },
};

function coordinateBody(coordinate: WireCoordinate | undefined): WireStruct {
  return {
    Coord: {
      Adjustment: wireFloat(coordinate?.adjustment ?? 0),
      Error: wireFloat(coordinate?.error ?? 0),
      Height: wireFloat(coordinate?.height ?? 0),
      Vec: coordinate === undefined ? null : coordinate.vec.map(wireFloat),
    },
    Ok: coordinate !== undefined,
  };
}
