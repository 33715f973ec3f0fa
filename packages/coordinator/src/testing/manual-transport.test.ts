import type { ToDevice } from '@sparewheel/protocol';
import { ManualTransport } from './manual-transport.ts';
import { transportContract } from './transport-contract.ts';

transportContract('the manual transport', async () => {
  const transport = new ManualTransport();
  return {
    transport,
    async connect(device) {
      transport.connect(device);
      const inbox: ToDevice[] = [];
      return {
        async next() {
          inbox.push(...transport.take(device));
          return inbox.shift()!;
        },
        send: (message) => transport.receive(device, message),
        async disconnect() {
          transport.disconnect(device);
        },
      };
    },
    onMessage(listener) {
      transport.receive = listener;
    },
    async close() {},
  };
});
