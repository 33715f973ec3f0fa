import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Client, createClient } from '@libsql/client';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { PrismaClient } from '../generated/prisma/client.ts';
import { StartupError } from '../startup-error.ts';
import { migrate, readMigrations } from './migrations.ts';

/**
 * Opens (creates, migrates) the SQLite database.
 * @param url  `file:` address; a relative one is taken from `base`
 * @param migrationsDirectory  `prisma/migrations`
 * @throws {StartupError} it cannot be opened, is no database, or is of another version
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
    // Readers do not wait for writers, and a commit does not wait for the disk: it survives the process's death,
    // and a power cut costs at most the last moments.
    await client.execute('PRAGMA journal_mode = WAL');
    await migrate(client, await readMigrations(migrationsDirectory));
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(
      `The database ${path} cannot be opened: ${(error as Error).message.replace(/^[A-Z_]+: /, '')}.`,
      'Check that it is an SQLite file that you may write, or choose another with DATABASE_URL.',
      { cause: error },
    );
  } finally {
    client?.close();
  }
  const prisma = new PrismaClient({ adapter: new PrismaLibSql({ url: address }), errorFormat: 'minimal' });
  await prisma.$connect();
  return prisma;
}

/** @throws {StartupError} not an address of a file */
export function databasePath(url: string, base: string): string {
  if (url.startsWith('file://')) return fileURLToPath(url);
  if (url.startsWith('file:')) return resolve(base, url.slice('file:'.length).replace(/\?.*$/, ''));
  throw new StartupError(
    `DATABASE_URL is "${url.replace(/\/\/[^@/]*@/, '//…@')}", but Sparewheel keeps its data in SQLite.`,
    'Give it a file, for example DATABASE_URL=file:/var/lib/sparewheel/sparewheel.db.',
  );
}
