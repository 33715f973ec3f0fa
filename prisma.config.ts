import { homedir } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

// `generate`, `validate` and `format` do not run the schema engine, but the CLI downloads it if no executable is named.
// Any executable works. Commands that need the engine (`migrate …`) download it as usual.
if (process.argv.some((argument) => ['generate', 'validate', 'format'].includes(argument))) {
  process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath;
}

/** Returns the control plane's database: DATABASE_URL, or sparewheel.db in SPAREWHEEL_HOME. */
function databaseUrl(): string {
  if (process.env.DATABASE_URL) return process.env.DATABASE_URL;
  const home = (process.env.SPAREWHEEL_HOME ?? '.sparewheel').replace(/^~(?=\/|$)/, homedir());
  const directory = isAbsolute(home) ? home : resolve(import.meta.dirname, home);
  return pathToFileURL(resolve(directory, 'sparewheel.db')).href;
}

export default {
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: databaseUrl() },
};
