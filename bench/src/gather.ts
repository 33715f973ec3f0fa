import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Distributor } from '@sparewheel/data-plane/devices/distribution/distributor';
import { DeviceGateway } from '@sparewheel/data-plane/devices/gateway/device-gateway';
import { DeviceRegistry } from '@sparewheel/data-plane/devices/gateway/device-registry';
import { SocketTransport } from '@sparewheel/data-plane/devices/socket-transport';
import { Listener } from '@sparewheel/data-plane/listener';
import { DATA_TYPE, joinChunks, writeModel } from '@sparewheel/onnx';
import { type Answer, containsNonFinite, type Tensor } from '@sparewheel/protocol';
import { Access } from '@sparewheel/runtime/access';
import type { Benchmark } from './benchmark.ts';
import { percentile } from './measure.ts';
import { type RawWork, startRawPeer, stopRawPeers } from './raw-tcp.ts';

const PEERS = 5;
const REQUEST_ELEMENTS = 9216;
const ANSWER_ELEMENTS = 4096;
const ROUNDS_PER_TURN = 100;
const TURNS = 20;
const WARMUP_TURNS = 3;
const TASK = 1;

interface Fleet {
  /** Broadcasts to every peer, and resolves when all have answered. */
  gather(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Builds a model that returns the first ANSWER_ELEMENTS of its input: real engine calls with minimal
 * computing.
 */
function sliceModel(): Uint8Array {
  const indices = (name: string, value: bigint) => ({
    name,
    dims: [1],
    dataType: DATA_TYPE.int64,
    storage: { kind: 'raw' as const, bytes: new Uint8Array(BigInt64Array.of(value).buffer) },
  });
  const tensor = (name: string, length: number) => ({
    name,
    type: { kind: 'tensor' as const, dataType: DATA_TYPE.float32, dims: [length] },
  });
  return joinChunks(
    writeModel({
      irVersion: 8,
      producer: 'sparewheel',
      opsetImports: [{ domain: '', version: 17 }],
      functions: [],
      graph: {
        name: 'slice',
        nodes: [
          {
            name: 'slice',
            opType: 'Slice',
            domain: '',
            overload: '',
            inputs: ['x', 'from', 'to'],
            outputs: ['y'],
            attributes: [],
          },
        ],
        initializers: [indices('from', 0n), indices('to', BigInt(ANSWER_ELEMENTS))],
        sparseInitializers: [],
        inputs: [tensor('x', REQUEST_ELEMENTS)],
        outputs: [tensor('y', ANSWER_ELEMENTS)],
        valueInfos: [],
      },
    }),
  );
}

/** Starts real agent processes, connected to the data plane's gateway, transport and distributor. */
async function agentFleet(home: string, graph: Uint8Array): Promise<Fleet & { computeMicros: number[] }> {
  const blobs = join(home, 'blobs');
  await mkdir(blobs);
  const sha256 = createHash('sha256').update(graph).digest('hex');
  await writeFile(join(blobs, sha256), graph);

  const access = new Access({
    operatorToken: 'operator',
    inferToken: 'infer',
    joinToken: 'join-token-of-the-bench',
  });
  const listener = new Listener({
    access,
    version: 'bench',
    backend: {
      model: () => null,
      models: () => [],
      ready: () => false,
      infer: () => Promise.reject(new Error('not available in the benchmark')),
    },
  });
  const devices: string[] = [];
  const computeMicros: number[] = [];
  let allJoined = () => {};
  let answered = (_answer: Answer) => {};
  const gateway = new DeviceGateway(listener.server, listener.io, access, new DeviceRegistry([]), {
    connected: (device) => {
      devices.push(device);
      distributor.deviceHolds(device, []);
      if (devices.length === PEERS) allJoined();
    },
    disconnected: (device, reason) => console.error(`bench: device ${device} disconnected: ${reason}`),
    received: (_device, message) => {
      if (message.kind === 'refusal') throw new Error(`a device refused a task: ${message.message}`);
      answered(message);
    },
    computing: () => {},
    known: () => {},
    refused: (_device, message) => console.error(`bench: gateway refused a message: ${message}`),
    changed: () => {},
  });
  const distributor = new Distributor(
    blobs,
    { require: async () => {} },
    {
      blob: (device, chunk, timeoutMs) => gateway.request(device, 'blob', chunk, timeoutMs),
      load: (device, task, timeoutMs) => gateway.request(device, 'load', task, timeoutMs),
      unload: (device, task) => gateway.request(device, 'unload', { task }),
      retain: (device, kept) => gateway.request(device, 'retain', { blobs: [...kept] }),
    },
  );
  const transport = new SocketTransport({
    link: (device) => gateway.tensorLink(device),
    refused: (_device, message) =>
      console.error(`bench: transport refused a message: ${JSON.stringify(message)}`),
  });
  const port = await listener.listen('127.0.0.1', 0);
  const everyDevice = new Promise<void>((resolve) => {
    allJoined = resolve;
  });
  const supervisor = spawn(
    process.execPath,
    [
      fileURLToPath(new URL('../../apps/agent/dist/agent.js', import.meta.url)),
      ...['--url', `http://127.0.0.1:${port}`, '--name', 'bench', '--count', String(PEERS), '--home', home],
    ],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, SPAREWHEEL_JOIN_TOKEN: 'join-token-of-the-bench' },
    },
  );
  await everyDevice;
  const artifact = { graph: { sha256, bytes: graph.byteLength }, weights: null };
  for (const device of devices) {
    await distributor.install(device, [{ task: TASK, artifact, feeds: ['x'], fetches: ['y'] }], {
      signal: new AbortController().signal,
      onProgress: () => {},
    });
  }

  const input: Tensor = {
    type: 'float32',
    dims: [REQUEST_ELEMENTS],
    data: Float32Array.from({ length: REQUEST_ELEMENTS }, (_, i) => i / REQUEST_ELEMENTS),
  };
  let request = 0;
  return {
    computeMicros,
    gather: () =>
      new Promise((resolve) => {
        const id = ++request;
        let missing = devices.length;
        answered = (answer) => {
          const y = answer.tensors[0]?.data as Float32Array;
          if (answer.request !== id || y.length !== ANSWER_ELEMENTS || containsNonFinite(y))
            throw new Error('an answer has the wrong request, shape or values');
          if (y[ANSWER_ELEMENTS - 1] !== input.data[ANSWER_ELEMENTS - 1])
            throw new Error('an answer has a wrong last value');
          computeMicros.push(answer.computeMicros);
          if (--missing === 0) resolve();
        };
        transport.scatter(devices, { kind: 'compute', request: id, task: TASK, tensors: [input] });
      }),
    close: async () => {
      supervisor.kill('SIGTERM');
      if (supervisor.exitCode === null) await once(supervisor, 'exit');
      await listener.close();
    },
  };
}

/** Starts a baseline: the same bytes over plain sockets, each answer copied into a preallocated buffer. */
async function rawTcpFleet(work: RawWork): Promise<Fleet> {
  const requestBytes = REQUEST_ELEMENTS * 4;
  const answerBytes = ANSWER_ELEMENTS * 4;
  const peers = await Promise.all(
    Array.from({ length: PEERS }, () => startRawPeer(requestBytes, answerBytes, work)),
  );
  let answered = () => {};
  for (const { socket } of peers) {
    const answer = Buffer.alloc(answerBytes);
    let received = 0;
    socket.on('data', (chunk) => {
      chunk.copy(answer, received);
      received += chunk.length;
      if (received < answerBytes) return;
      received = 0;
      answered();
    });
  }
  const input = Buffer.alloc(requestBytes, 1);
  return {
    gather: () =>
      new Promise((resolve) => {
        let missing = peers.length;
        answered = () => {
          if (--missing === 0) resolve();
        };
        for (const { socket } of peers) socket.write(input);
      }),
    close: () => stopRawPeers(peers),
  };
}

export const gather: Benchmark = {
  name: 'gather',
  summary: 'time of a broadcast and gather over 5 agent processes ÷ raw TCP whose peers run the same engine',
  async run({ log }) {
    const home = await mkdtemp(join(tmpdir(), 'sparewheel-bench-'));
    const graph = sliceModel();
    const file = join(home, 'slice.onnx');
    await writeFile(file, graph);
    const agents = await agentFleet(home, graph);
    const computing = await rawTcpFleet({ kind: 'engine', file });
    const idle = await rawTcpFleet({ kind: 'discard' });
    const times = { agents: [] as number[], computing: [] as number[], idle: [] as number[] };
    try {
      // Alternating turns, so that other load on the machine affects all.
      for (let turn = -WARMUP_TURNS; turn < TURNS; turn++) {
        for (const [name, fleet] of [
          ['agents', agents],
          ['computing', computing],
          ['idle', idle],
        ] as const) {
          for (let round = 0; round < ROUNDS_PER_TURN; round++) {
            const start = performance.now();
            await fleet.gather();
            if (turn >= 0) times[name].push(performance.now() - start);
          }
        }
      }
    } finally {
      await Promise.all([agents.close(), computing.close(), idle.close()]);
      await rm(home, { recursive: true, force: true });
    }
    const figures = (values: readonly number[]) => ({
      p50Ms: percentile(values, 50),
      p99Ms: percentile(values, 99),
    });
    const ours = figures(times.agents);
    const raw = { computing: figures(times.computing), idle: figures(times.idle) };
    const value = ours.p50Ms / raw.computing.p50Ms;
    log(
      `agents p50 ${ours.p50Ms.toFixed(3)} ms; raw TCP p50 ${raw.computing.p50Ms.toFixed(3)} ms with the same engine, ` +
        `${raw.idle.p50Ms.toFixed(3)} ms with idle peers`,
    );
    return {
      name: 'gather',
      value,
      unit: '× raw TCP with the same engine (p50)',
      goal: '≤ 1.3',
      met: value <= 1.3,
      details: {
        peers: PEERS,
        requestBytes: REQUEST_ELEMENTS * 4,
        answerBytes: ANSWER_ELEMENTS * 4,
        rounds: times.agents.length,
        agents: ours,
        rawTcp: raw,
        ratioP99: ours.p99Ms / raw.computing.p99Ms,
        ratioToIdlePeers: ours.p50Ms / raw.idle.p50Ms,
        engineMicrosP50: percentile(agents.computeMicros, 50),
      },
    };
  },
};
