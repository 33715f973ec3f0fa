import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Client, createClient } from '@libsql/client';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { PrismaClient } from '../generated/prisma/client.ts';
import { StartupError } from '../startup-error.ts';
import { migrate, readMigrations } from './migrations.ts';

/**
 * Opens the SQLite database. Creates and migrates it if necessary.
 * @param url  a `file:` address, absolute or relative to `base`
 * @param migrationsDirectory  `prisma/migrations`
 * @throws {StartupError} the file cannot be opened, is not a database, or belongs to another version
 */
export async function openDatabase(
  url: string,
  migrationsDirectory: string,
  base: string = process.cwd(),
): Promise<PrismaClient> {
  const path = databasePath(url, base);
  const address = pathToFileURL(path).href;
  let client: Client | undefined;
  try {
    await mkdir(dirname(path), { recursive: true });
    client = createClient({ url: address });
    // Readers do not wait for writers, and a commit does not wait for the disk. A commit survives a crash of this
    // process; a power failure may lose the latest commits.
    await client.execute('PRAGMA journal_mode = WAL');
    await migrate(client, await readMigrations(migrationsDirectory));
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(
      `The database ${path} cannot be opened: ${(error as Error).message.replace(/^[A-Z_]+: /, '')}.`,
      'Check that it is an SQLite file that you may write, or choose another file with DATABASE_URL.',
      { cause: error },
    );
  } finally {
    client?.close();
  }
  const prisma = new PrismaClient({ adapter: new PrismaLibSql({ url: address }), errorFormat: 'minimal' });
  await prisma.$connect();
  return prisma;
}

/**
 * Returns the path of a `file:` address.
 * @throws {StartupError} the address is not a file's
 */
export function databasePath(url: string, base: string): string {
  if (url.startsWith('file://')) return fileURLToPath(url);
  if (url.startsWith('file:')) return resolve(base, url.slice('file:'.length).replace(/\?.*$/, ''));
  throw new StartupError(
    `DATABASE_URL is "${url.replace(/\/\/[^@/]*@/, '//…@')}", but Sparewheel stores its data in SQLite.`,
    'Use a file, for example DATABASE_URL=file:/var/lib/sparewheel/sparewheel.db.',
  );
}
