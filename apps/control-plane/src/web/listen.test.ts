import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { listen, requireFreePort } from './listen.ts';

describe('a port', () => {
  it('that is taken is reported with the variable that changes it', async () => {
    const other = createServer();
    await listen(other, '127.0.0.1', 0, 'PORT');
    const { port } = other.address() as AddressInfo;
    const refusal = await requireFreePort('127.0.0.1', port, 'DATA_PORT').catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      name: 'StartupError',
      message: expect.stringContaining(`Port ${port} on 127.0.0.1 is taken`),
      hint: expect.stringContaining('DATA_PORT'),
    });
    other.close();
    await once(other, 'close');
    await requireFreePort('127.0.0.1', port, 'DATA_PORT');
    await listen(other, '127.0.0.1', port, 'PORT');
    other.close();
  });

  it('on an address of another machine is rejected', async () => {
    // An address for documentation (RFC 5737). No machine has it.
    await expect(requireFreePort('192.0.2.1', 0, 'PORT')).rejects.toThrow('not an address of this machine');
  });
});
