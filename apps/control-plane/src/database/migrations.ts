/**
 * Brings a database up to date with the committed SQL, with the bookkeeping of `prisma migrate deploy`, so that both
 * agree about what has been applied. Each migration and its row are one transaction: SQLite's DDL rolls back too.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@libsql/client';
import { StartupError } from '../startup-error.ts';

export interface Migration {
  /** The folder's name; sorts by time. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file, as Prisma computes it. */
  readonly checksum: string;
}

// As prisma-engines writes it for SQLite.
const BOOKKEEPING = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id"                    TEXT PRIMARY KEY NOT NULL,
    "checksum"              TEXT NOT NULL,
    "finished_at"           DATETIME,
    "migration_name"        TEXT NOT NULL,
    "logs"                  TEXT,
    "rolled_back_at"        DATETIME,
    "started_at"            DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count"   INTEGER UNSIGNED NOT NULL DEFAULT 0
)`;

/** @param directory  `prisma/migrations`: a folder for each migration with a `migration.sql` in it */
export async function readMigrations(directory: string): Promise<Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(directory, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/**
 * Applies what is missing, in order.
 * @returns the names of the migrations that were applied now
 * @throws {StartupError} the database knows a migration that is not here, one was changed after it was applied, or an
 *   earlier one is recorded as unfinished
 */
export async function migrate(client: Client, migrations: readonly Migration[]): Promise<string[]> {
  await client.execute(BOOKKEEPING);
  const { rows } = await client.execute(
    'SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL',
  );
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  const applied = new Set<string>();
  for (const row of rows) {
    const name = String(row.migration_name);
    const migration = known.get(name);
    if (migration === undefined) {
      throw new StartupError(
        `The database was written by a newer version of Sparewheel: it has the migration "${name}", which this version does not know.`,
        'Start the newer version, or choose another database with DATABASE_URL or SPAREWHEEL_HOME.',
      );
    }
    if (row.finished_at === null) {
      throw new StartupError(
        `The database is unfinished: the migration "${name}" was begun and did not complete.`,
        'Resolve it with `npx prisma migrate resolve`, or restore a copy of the database.',
      );
    }
    if (row.checksum !== migration.checksum) {
      throw new StartupError(
        `The database does not belong to this version of Sparewheel: the migration "${name}" was applied in another form.`,
        'Start the version that wrote it, or choose another database with DATABASE_URL or SPAREWHEEL_HOME.',
      );
    }
    applied.add(name);
  }
  const pending = migrations.filter(({ name }) => !applied.has(name));
  for (const migration of pending) await apply(client, migration);
  return pending.map(({ name }) => name);
}

async function apply(client: Client, { name, sql, checksum }: Migration): Promise<void> {
  const transaction = await client.transaction('write');
  try {
    const started = Date.now();
    await transaction.executeMultiple(sql);
    await transaction.execute({
      sql: `INSERT INTO _prisma_migrations
              (id, checksum, finished_at, migration_name, logs, rolled_back_at, started_at, applied_steps_count)
            VALUES (?, ?, ?, ?, NULL, NULL, ?, 1)`,
      args: [randomUUID(), checksum, Date.now(), name, started],
    });
    await transaction.commit();
  } finally {
    transaction.close();
  }
}
