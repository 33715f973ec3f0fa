/**
 * One peer of the raw TCP baseline. It sends ANSWER_BYTES after every REQUEST_BYTES it receives, without
 * framing, parsing or allocation: about the lowest possible network cost. It reports its port to the parent
 * process.
 *
 *   node --import tsx raw-tcp-peer.ts REQUEST_BYTES ANSWER_BYTES
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
