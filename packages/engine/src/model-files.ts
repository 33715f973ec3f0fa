import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ReadModelFiles } from './session.ts';

/** Reads a model and the external data beside it. */
export const readModelFiles: ReadModelFiles = async ({ path, externalData = [] }) => ({
  graph: new Uint8Array(await readFile(path)),
  externalData: await Promise.all(
    externalData.map(async (location) => ({
      location,
      data: new Uint8Array(await readFile(join(dirname(path), location))),
    })),
  ),
});
