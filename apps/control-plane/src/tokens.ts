/** The tokens that grant access. Tokens that the environment does not set are generated once and kept. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { StartupError } from './startup-error.ts';

export const TOKEN_NAMES = ['operator', 'join', 'infer', 'metrics'] as const;
export type TokenName = (typeof TOKEN_NAMES)[number];
export type Tokens = Readonly<Record<TokenName, string>>;

export const TOKEN_VARIABLES: Readonly<Record<TokenName, string>> = {
  operator: 'SPAREWHEEL_OPERATOR_TOKEN',
  join: 'SPAREWHEEL_JOIN_TOKEN',
  infer: 'SPAREWHEEL_INFER_TOKEN',
  metrics: 'SPAREWHEEL_METRICS_TOKEN',
};
const TOKEN_BYTES = 24;

/** Whether a token fits into an Authorization header and a query without quoting (RFC 6750's b64token). */
export function validToken(token: string): boolean {
  return /^[A-Za-z0-9._~+/-]+=*$/.test(token) && token.length <= 512;
}

/** Whether a token is so short that it can be guessed. That is fine for a test only. */
export function guessable(token: string): boolean {
  return token.length < 16;
}

const fileSchema = z.partialRecord(z.enum(TOKEN_NAMES), z.string().refine(validToken));

/**
 * Takes tokens from the environment, then from `tokens.json` in the home directory. Generates the missing ones and
 * writes them there (mode 0600).
 * @returns the tokens, and the names of the generated ones
 * @throws {StartupError} the file is not readable or writable, or two roles have the same token
 */
export async function loadTokens(
  home: string,
  fromEnvironment: Partial<Tokens>,
): Promise<{ tokens: Tokens; made: readonly TokenName[] }> {
  const path = join(home, 'tokens.json');
  const kept = await readKept(path);
  const made: TokenName[] = [];
  const tokenOf = (name: TokenName): string => {
    const known = fromEnvironment[name] ?? kept[name];
    if (known !== undefined) return known;
    made.push(name);
    kept[name] = randomBytes(TOKEN_BYTES).toString('base64url');
    return kept[name];
  };
  const tokens = Object.fromEntries(TOKEN_NAMES.map((name) => [name, tokenOf(name)])) as Tokens;
  for (const [index, a] of TOKEN_NAMES.entries()) {
    const b = TOKEN_NAMES.slice(index + 1).find((other) => tokens[other] === tokens[a]);
    if (b === undefined) continue;
    throw new StartupError(
      `${TOKEN_VARIABLES[a]} and ${TOKEN_VARIABLES[b]} are the same, so each grants the rights of both.`,
      'Use different tokens.',
    );
  }
  if (made.length > 0) await keep(path, kept);
  return { tokens, made };
}

async function readKept(path: string): Promise<Partial<Record<TokenName, string>>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new StartupError(`The tokens in ${path} cannot be read: ${(error as Error).message}.`);
  }
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch {
    throw new StartupError(
      `The file ${path} does not hold tokens.`,
      'Delete it to generate new tokens. Agents and scripts then need the new tokens.',
    );
  }
}

async function keep(path: string, tokens: Partial<Tokens>): Promise<void> {
  try {
    await mkdir(join(path, '..'), { recursive: true });
    const temporary = `${path}.new`;
    await writeFile(temporary, `${JSON.stringify(tokens, null, 2)}\n`, { mode: 0o600 });
    // The mode above only applies to a new file.
    await chmod(temporary, 0o600);
    await rename(temporary, path);
  } catch (error) {
    throw new StartupError(`The tokens cannot be written to ${path}: ${(error as Error).message}.`);
  }
}
