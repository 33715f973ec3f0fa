/** The program of `npm start`: reads the configuration, starts the control plane, prints its addresses, and stops it. */
import process from 'node:process';
import { parseConfiguration, USAGE } from './configuration.ts';
import { ControlPlane } from './control-plane.ts';
import { lockHome } from './home-lock.ts';
import { log } from './log.ts';
import { repositoryRoot } from './repository.ts';
import { StartupError } from './startup-error.ts';
import { guessable, loadTokens, TOKEN_VARIABLES, type TokenName } from './tokens.ts';

const OLDEST_NODE = [20, 19] as const;
/** The longest time for a stop. After it, the process exits at once. */
const LONGEST_END_MS = 8_000;

function requireNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new StartupError(
    `Sparewheel needs Node ${OLDEST_NODE.join('.')} or newer. This is Node ${version}.`,
    'Install a newer version from nodejs.org or with your package manager.',
  );
}

function printAddresses(plane: ControlPlane, token: string): void {
  console.log(`Sparewheel is ready: ${plane.url}/?token=${encodeURIComponent(token)}`);
  for (const { dashboard } of plane.joinAddresses().addresses) console.log(`On the network: ${dashboard}`);
  const grpc = plane.grpcAddress === null ? '' : `, gRPC ${plane.grpcAddress}`;
  console.log(`Inference (Open Inference Protocol v2): ${plane.inferenceUrl}/v2${grpc}`);
}

/** Prints generated tokens. They are printed once. */
function printNewTokens(
  plane: ControlPlane,
  made: readonly TokenName[],
  tokens: Readonly<Record<TokenName, string>>,
): void {
  if (made.includes('metrics')) console.log(`Metrics token, shown once: ${tokens.metrics}`);
  if (made.includes('infer')) console.log(`Inference token, shown once: ${tokens.infer}`);
  if (made.includes('join')) {
    const { addresses } = plane.joinAddresses();
    for (const { dashboard } of addresses) {
      const command = `curl -fsSL ${dashboard}/join/install.sh | sh -s -- ${tokens.join}`;
      console.log(`Another machine joins with: ${command}`);
    }
    if (addresses.length === 0) {
      const command = `npm run agent -- --url ${plane.inferenceUrl} --token ${tokens.join}`;
      console.log(`A device on this machine joins with: ${command}`);
      console.log('For devices on other machines, start with HOST=0.0.0.0.');
    }
  }
}

/** `process.exit` would wait for threads, and a thread in native code may not end. */
function endAtOnce(plane: ControlPlane | null): void {
  plane?.kill();
  process.kill(process.pid, 'SIGKILL');
}

async function main(): Promise<void> {
  requireNode(process.versions.node);
  // Turns off ONNX Runtime's telemetry. It reads the variable when it is loaded, in any thread.
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
  const root = repositoryRoot();
  const configuration = parseConfiguration(process.argv.slice(2), process.env, root);
  if (configuration === null) return console.log(USAGE);

  const unlock = await lockHome(configuration.home);
  let plane: ControlPlane | null = null;
  let ending = false;
  const end = (): void => {
    if (ending) {
      endAtOnce(plane);
      return;
    }
    ending = true;
    if (plane === null) process.exit(130);
    console.log('Sparewheel is stopping. Press Ctrl-C again to stop at once.');
    const patience = setTimeout(() => endAtOnce(plane), LONGEST_END_MS);
    plane
      .stop()
      .then(unlock)
      .then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, 'the stop failed');
          process.exit(1);
        },
      )
      .finally(() => clearTimeout(patience));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  // A closed terminal must not end the process.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  process.on('unhandledRejection', (reason) => log.error({ err: reason }, 'unhandled rejection'));

  try {
    const { tokens, made } = await loadTokens(configuration.home, configuration.tokens);
    plane = await ControlPlane.start({ configuration, tokens, root, log: (line) => console.log(line) });
    for (const [name, token] of Object.entries(tokens) as [TokenName, string][]) {
      if (guessable(token)) console.log(`${TOKEN_VARIABLES[name]} is too short: it can be guessed.`);
    }
    printAddresses(plane, tokens.operator);
    printNewTokens(plane, made, tokens);
  } catch (error) {
    await unlock();
    throw error;
  }
}

main().catch((error: unknown) => {
  if (error instanceof StartupError) {
    console.error(`Sparewheel cannot start. ${error.message}`);
    if (error.hint !== undefined) console.error(error.hint);
  } else {
    console.error(error);
  }
  process.exit(1);
});
