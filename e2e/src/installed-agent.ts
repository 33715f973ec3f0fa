/** An agent that the command of the join dialog installs, for a user without root and without systemd. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NO_ROOT_NO_SYSTEMD = {
  id: 'if [ "$1" = -u ]; then echo 1000; else echo pi; fi',
  systemctl: 'exit 1',
};

export class InstalledAgent {
  readonly home = mkdtempSync(join(tmpdir(), 'sparewheel-install-'));
  readonly base = join(this.home, '.local', 'share', 'sparewheel-agent');
  readonly #tools = join(this.home, 'tools');

  /** @param programs  shell scripts that replace programs of the system, by name */
  constructor(programs: Readonly<Record<string, string>> = {}) {
    mkdirSync(this.#tools);
    for (const [name, script] of Object.entries({ ...NO_ROOT_NO_SYSTEMD, ...programs })) {
      writeFileSync(join(this.#tools, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(this.#tools, name), 0o755);
    }
  }

  /** Returns the path of a replaced program. */
  program(name: string): string {
    return join(this.#tools, name);
  }

  /** Runs a command in a shell and returns its output. @throws {Error} it fails */
  async shell(command: string): Promise<string> {
    const child = spawn('sh', ['-c', command], {
      env: { PATH: `${this.#tools}:${process.env.PATH}`, HOME: this.home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`${command} ended with ${code}:\n${output}`);
    return output;
  }

  /** The process id of the supervisor; undefined if the agent does not run in the background. */
  get processId(): number | undefined {
    const path = join(this.base, 'agent.pid');
    return existsSync(path) ? Number(readFileSync(path, 'utf8')) : undefined;
  }

  /** Returns the resident memory of the supervisor and of the device processes. Linux only. */
  memory(): { readonly name: string; readonly rssBytes: number }[] {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .flatMap((id) => {
        try {
          const command = readFileSync(join('/proc', id, 'cmdline'), 'utf8');
          const [, name] = new RegExp(`${this.base}/[^/]+/(agent|device)\\.js`).exec(command) ?? [];
          const [, kilobytes] =
            /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(join('/proc', id, 'status'), 'utf8')) ?? [];
          return name === undefined ? [] : [{ name, rssBytes: Number(kilobytes) * 1024 }];
        } catch {
          // The process has ended.
          return [];
        }
      });
  }

  /** Ends the agent and removes its home. */
  remove(): void {
    const { processId } = this;
    if (processId !== undefined) process.kill(processId);
    rmSync(this.home, { recursive: true, force: true });
  }
}
