/**
 * One peer of the raw TCP baseline: for every request of REQUEST bytes it sends ANSWER bytes back. No framing beyond
 * the known lengths, no parsing, one preallocated answer: about the least that a network can cost.
 *
 *   node --import tsx raw-tcp-peer.ts REQUEST_BYTES ANSWER_BYTES   (sends its port to the parent)
 */
import { type AddressInfo, createServer } from 'node:net';

const [requestBytes = 0, answerBytes = 0] = process.argv.slice(2).map(Number);
const answer = Buffer.alloc(answerBytes, 1);

const server = createServer((socket) => {
  socket.setNoDelay(true);
  let received = 0;
  socket.on('data', (chunk) => {
    received += chunk.length;
    while (received >= requestBytes) {
      received -= requestBytes;
      socket.write(answer);
    }
  });
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit(0));
