import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@libsql/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../repository.ts';
import { StartupError } from '../startup-error.ts';
import { type Migration, migrate, readMigrations } from './migrations.ts';
import { databasePath, openDatabase } from './open-database.ts';

const committed = join(repositoryRoot(), 'prisma', 'migrations');

describe('migrations', () => {
  let directory: string;
  let url: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sparewheel-migrations-'));
    url = `file:${join(directory, 'test.db')}`;
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function withClient<T>(use: (client: ReturnType<typeof createClient>) => Promise<T>): Promise<T> {
    const client = createClient({ url });
    try {
      return await use(client);
    } finally {
      client.close();
    }
  }

  it('apply once, in order, and are recorded as Prisma records them', async () => {
    const migrations = await readMigrations(committed);
    expect(migrations.length).toBeGreaterThan(0);
    await withClient(async (client) => {
      expect(await migrate(client, migrations)).toEqual(migrations.map(({ name }) => name));
      expect(await migrate(client, migrations)).toEqual([]);
      const { rows } = await client.execute('SELECT * FROM _prisma_migrations');
      expect(rows).toHaveLength(migrations.length);
      expect(rows[0]).toMatchObject({
        migration_name: migrations[0]?.name,
        checksum: migrations[0]?.checksum,
        rolled_back_at: null,
        applied_steps_count: 1,
      });
      expect(rows[0]?.finished_at).not.toBeNull();
    });
  });

  it('of a newer version are rejected by name', async () => {
    await (await openDatabase(url, committed)).$disconnect();
    await withClient((client) =>
      client.execute(`INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name)
        VALUES ('x', 'y', 1, '20991231000000_from_the_future')`),
    );
    const rejection = await openDatabase(url, committed).catch((error: unknown) => error);
    expect(rejection).toBeInstanceOf(StartupError);
    expect((rejection as StartupError).message).toContain('newer version');
    expect((rejection as StartupError).message).toContain('20991231000000_from_the_future');
  });

  it('that changed after they were applied, or did not finish, are rejected', async () => {
    const migration: Migration = { name: '1_a', sql: 'CREATE TABLE a (x INT);', checksum: 'one' };
    await withClient(async (client) => {
      await migrate(client, [migration]);
      await expect(migrate(client, [{ ...migration, checksum: 'two' }])).rejects.toThrow('differs');
      await client.execute('UPDATE _prisma_migrations SET finished_at = NULL');
      await expect(migrate(client, [migration])).rejects.toThrow('did not finish');
      await client.execute('UPDATE _prisma_migrations SET rolled_back_at = 1');
      await client.execute('DROP TABLE a');
      expect(await migrate(client, [migration])).toEqual(['1_a']);
    });
  });

  it('that fail are rolled back completely', async () => {
    const broken: Migration = {
      name: '1_b',
      sql: 'CREATE TABLE b (x INT); CREATE TABLE b (x INT);',
      checksum: 'c',
    };
    await withClient(async (client) => {
      await expect(migrate(client, [broken])).rejects.toThrow('already exists');
      const { rows } = await client.execute("SELECT name FROM sqlite_master WHERE name = 'b'");
      expect(rows).toEqual([]);
      expect(await migrate(client, [{ ...broken, sql: 'CREATE TABLE b (x INT);' }])).toEqual(['1_b']);
    });
  });

  it('reject a file that is not a database', async () => {
    await writeFile(join(directory, 'test.db'), 'this is not a database, though it has a name like one');
    const rejection = await openDatabase(url, committed).catch((error: unknown) => error);
    expect(rejection).toBeInstanceOf(StartupError);
    expect((rejection as StartupError).message).toMatch(/database .*test\.db cannot be opened/);
  });
});

describe('DATABASE_URL', () => {
  it('is the address of a file, absolute or relative to the base', () => {
    expect(databasePath('file:///a/b%20c.db', '/base')).toBe('/a/b c.db');
    expect(databasePath('file:/a/b.db', '/base')).toBe('/a/b.db');
    expect(databasePath('file:./b.db?connection_limit=1', '/base')).toBe('/base/b.db');
  });

  it('of another database is rejected without repeating its password', () => {
    expect(() => databasePath('postgres://me:secret@host/db', '/base')).toThrow('SQLite');
    expect(() => databasePath('postgres://me:secret@host/db', '/base')).not.toThrow('secret');
  });
});
