import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { listen, requireFreePort } from './listen.ts';

describe('a port', () => {
  it('that is taken is named, with the variable that changes it', async () => {
    const squatter = createServer();
    await listen(squatter, '127.0.0.1', 0, 'PORT');
    const { port } = squatter.address() as AddressInfo;
    const refusal = await requireFreePort('127.0.0.1', port, 'DATA_PORT').catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      name: 'StartupError',
      message: expect.stringContaining(`Port ${port} on 127.0.0.1 is taken`),
      hint: expect.stringContaining('DATA_PORT'),
    });
    squatter.close();
    await once(squatter, 'close');
    await requireFreePort('127.0.0.1', port, 'DATA_PORT');
    await listen(squatter, '127.0.0.1', port, 'PORT');
    squatter.close();
  });

  it('on an address of another machine is refused', async () => {
    // A documentation address (RFC 5737), which no machine has.
    await expect(requireFreePort('192.0.2.1', 0, 'PORT')).rejects.toThrow('not an address of this machine');
  });
});
