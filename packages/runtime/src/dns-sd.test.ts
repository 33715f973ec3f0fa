import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { advertiseService, browseServices, type FoundService } from './dns-sd.ts';

const networks = Object.values(networkInterfaces()).flatMap((infos) => infos ?? []);
const hasNetwork = networks.some(({ internal, family }) => !internal && family === 'IPv4');

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const fail = (error: Error) => {
  throw error;
};

describe.skipIf(!hasNetwork)('DNS-SD over multicast', () => {
  it('finds a service of its type that another program advertises, with its port', async () => {
    // A type of its own: other programs on this network may advertise, too.
    const type = `sparewheel-${process.pid}`;
    const service = { name: 'one', type, port: 3001, txt: { protocol: '1' } };
    ends.push(advertiseService(service, fail));
    ends.push(advertiseService({ ...service, name: 'other', type: `${type}x`, port: 1 }, fail));
    const found = await new Promise<FoundService>((resolve) => {
      ends.push(browseServices(type, resolve, fail));
    });
    expect(found.port).toBe(3001);
    expect(networks.map(({ address }) => address)).toContain(found.sender);
    expect(found.addresses).toContain(found.sender);
  });
});
