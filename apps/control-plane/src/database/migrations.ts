/**
 * Applies the committed SQL migrations to a database. Keeps the same records as `prisma migrate deploy`, so that
 * both tools can work on one database. Each migration and its record are one transaction: SQLite rolls back DDL.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@libsql/client';
import { StartupError } from '../startup-error.ts';

export interface Migration {
  /** The name of its folder. Starts with the time, so names sort by age. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the SQL file, in hex, as Prisma computes it. */
  readonly checksum: string;
}

// A copy of the table that Prisma creates on SQLite.
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

/**
 * Reads the migrations, oldest first.
 * @param directory  `prisma/migrations`; has one folder with a `migration.sql` per migration
 */
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
 * Applies the missing migrations, in order.
 * @returns the names of the migrations that it applied
 * @throws {StartupError} the database has an unknown migration, an unfinished one, or one with another checksum
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
        `A newer version of Sparewheel wrote this database: this version does not know its migration "${name}".`,
        'Start the newer version, or choose another database with DATABASE_URL or SPAREWHEEL_HOME.',
      );
    }
    if (row.finished_at === null) {
      throw new StartupError(
        `The migration "${name}" of the database started but did not finish.`,
        'Run `npx prisma migrate resolve`, or restore a backup of the database.',
      );
    }
    if (row.checksum !== migration.checksum) {
      throw new StartupError(
        `Another version of Sparewheel wrote this database: its migration "${name}" differs from this version's.`,
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
