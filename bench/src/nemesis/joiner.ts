import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Product, repositoryRoot } from '@sparewheel/e2e/product';

const HERE_WITHIN_MS = 30_000;

/** A device from elsewhere: an agent of its own that joins the running product, and leaves it again. */
export class Joiner {
  private constructor(
    readonly name: string,
    readonly child: ChildProcess,
    readonly home: string,
  ) {}

  /** Resolves when the device is ready. */
  static async join(product: Product, name: string, clock: 'steady' | 'jumping'): Promise<Joiner> {
    const home = mkdtempSync(join(tmpdir(), 'sparewheel-joiner-'));
    const url = `http://127.0.0.1:${product.ports.data}`;
    const agent = join(repositoryRoot, 'apps', 'agent', 'dist', 'agent.js');
    const jumping = fileURLToPath(new URL('./jumping-clock.mjs', import.meta.url));
    const child = spawn(process.execPath, [agent, '--url', url, '--name', name, '--home', home], {
      stdio: 'ignore',
      env: {
        ...process.env,
        SPAREWHEEL_JOIN_TOKEN: product.tokens.join,
        ...(clock === 'jumping' ? { NODE_OPTIONS: `--import ${jumping}` } : {}),
      },
    });
    const joiner = new Joiner(name, child, home);
    await product.eventually(
      `${name} to be ready`,
      async () =>
        (await product.devices()).some((device) => device.name === name && device.state === 'ready'),
      HERE_WITHIN_MS,
    );
    return joiner;
  }

  async leave(how: 'orderly' | 'killed'): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill(how === 'orderly' ? 'SIGTERM' : 'SIGKILL');
      await once(this.child, 'exit');
    }
    rmSync(this.home, { recursive: true, force: true });
  }
}
