import type { browseServices, FoundService } from '@sparewheel/runtime/dns-sd';
import { describe, expect, it } from 'vitest';
import { findDataPlane } from './find-data-plane.ts';

const silent = () => {};

/** A network that answers a search with the given services, in order. */
function network(...services: FoundService[]) {
  const searches: string[] = [];
  const browse: typeof browseServices = (type, found) => {
    searches.push(`begin ${type}`);
    queueMicrotask(() => services.forEach(found));
    return () => searches.push('end');
  };
  return { browse, searches };
}

describe('the search for a data plane', () => {
  it('takes the address that sent the answer, and ends', async () => {
    const { browse, searches } = network({
      port: 3001,
      addresses: ['172.17.0.1', '192.168.1.10'],
      sender: '192.168.1.10',
    });
    expect(await findDataPlane(silent, browse)).toBe('http://192.168.1.10:3001');
    expect(searches).toEqual(['begin sparewheel', 'end']);
  });

  it('prefers IPv4, writes IPv6 in brackets, and skips addresses that need a zone', async () => {
    const first = async (...services: FoundService[]) => findDataPlane(silent, network(...services).browse);
    expect(await first({ port: 1, addresses: ['10.0.0.2'], sender: 'fd00::2' })).toBe('http://10.0.0.2:1');
    expect(
      await first(
        { port: 1, addresses: [], sender: 'fe80::1' },
        { port: 4001, addresses: ['fd00::2'], sender: null },
      ),
    ).toBe('http://[fd00::2]:4001');
  });

  it('says that it still searches, and goes on', async () => {
    const messages: string[] = [];
    let appear: (service: FoundService) => void = silent;
    const browse: typeof browseServices = (_type, found) => {
      appear = found;
      return silent;
    };
    const log = (message: string) => {
      messages.push(message);
      appear({ port: 3001, addresses: [], sender: '10.0.0.2' });
    };
    expect(await findDataPlane(log, browse, 1)).toBe('http://10.0.0.2:3001');
    expect(messages).toEqual([expect.stringContaining('HOST=0.0.0.0')]);
  });

  it('fails where multicast does not work, and says what to do', async () => {
    const browse: typeof browseServices = (_type, _found, failed) => {
      queueMicrotask(() => failed(new Error('EADDRINUSE')));
      return silent;
    };
    await expect(findDataPlane(silent, browse)).rejects.toThrow('(EADDRINUSE); pass --url http://HOST:3001');
  });
});
