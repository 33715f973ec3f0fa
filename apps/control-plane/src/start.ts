/** What `npm start` runs: reads what was asked for, starts the control plane, says where it is, and ends it. */
import process from 'node:process';
import { parseConfiguration, USAGE } from './configuration.ts';
import { ControlPlane } from './control-plane.ts';
import { lockHome } from './home-lock.ts';
import { repositoryRoot } from './repository.ts';
import { StartupError } from './startup-error.ts';
import { guessable, loadTokens, TOKEN_VARIABLES, type TokenName } from './tokens.ts';

const OLDEST_NODE = [20, 19] as const;
/** Ending takes at most this long; after it, whatever is left is cut off. */
const LONGEST_END_MS = 8_000;

function requireNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new StartupError(
    `Sparewheel needs Node ${OLDEST_NODE.join('.')} or newer, and this is ${version}.`,
    'Install a newer one from nodejs.org, or with your system’s package manager.',
  );
}

function sayWhereItIs(plane: ControlPlane, token: string): void {
  console.log(`Sparewheel is ready: ${plane.url}/?token=${encodeURIComponent(token)}`);
  console.log(`Inference (Open Inference Protocol v2): ${plane.inferenceUrl}/v2`);
}

/** Tokens that were made now are shown now, and not again. */
function showMade(
  plane: ControlPlane,
  made: readonly TokenName[],
  tokens: Readonly<Record<TokenName, string>>,
): void {
  if (made.includes('infer')) console.log(`Inference token, shown once: ${tokens.infer}`);
  if (made.includes('join')) {
    console.log(
      `Another machine joins with: npm run agent -- --url ${plane.inferenceUrl} --token ${tokens.join}`,
    );
  }
}

async function main(): Promise<void> {
  requireNode(process.versions.node);
  // ONNX Runtime would report its use to its maker; it reads this when it is loaded, in whichever thread.
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
  const root = repositoryRoot();
  const configuration = parseConfiguration(process.argv.slice(2), process.env, root);
  if (configuration === null) return console.log(USAGE);

  const unlock = await lockHome(configuration.home);
  let plane: ControlPlane | null = null;
  let ending = false;
  const end = (): void => {
    if (ending) {
      plane?.kill();
      process.exit(130);
    }
    ending = true;
    if (plane === null) process.exit(130);
    console.log('Sparewheel is ending; once more to end it at once.');
    const patience = setTimeout(() => {
      plane?.kill();
      process.exit(1);
    }, LONGEST_END_MS);
    plane
      .stop()
      .then(unlock)
      .then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error);
          process.exit(1);
        },
      )
      .finally(() => clearTimeout(patience));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  // The terminal is gone; what is said is lost, and nothing else.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  process.on('unhandledRejection', (reason) => console.error('Something failed unnoticed:', reason));

  try {
    const { tokens, made } = await loadTokens(configuration.home, configuration.tokens);
    plane = await ControlPlane.start({ configuration, tokens, root, log: (line) => console.log(line) });
    for (const [name, token] of Object.entries(tokens) as [TokenName, string][]) {
      if (guessable(token)) console.log(`${TOKEN_VARIABLES[name]} is short enough to be guessed.`);
    }
    sayWhereItIs(plane, tokens.operator);
    showMade(plane, made, tokens);
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
