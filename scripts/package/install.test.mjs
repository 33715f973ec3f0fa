/** The installer against the real server, in a temporary root, with a small agent and without systemd's programs. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentPackageError } from '../../apps/control-plane/src/agent-packages/agent-packages.ts';
import { serveAgent } from '../../apps/control-plane/src/agent-packages/serve-agent.ts';
import { writeArchive } from './archive.mjs';

const installer = fileURLToPath(new URL('../../deploy/agent/install.sh', import.meta.url));
const TOKEN = 'join-token-of-the-tests';
const has = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const FOUND = [['dash'], ['busybox', 'sh']].filter(([program]) => has(program));
const SHELLS = FOUND.length > 0 ? FOUND : [['sh']];
/** All programs that the script may use. Nothing else is on its path. */
const TOOLS =
  'awk cat chmod cp curl cut df dirname getconf grep gzip head mkdir mv nohup rm sed sh sha256sum sleep tail tar tr uname'.split(
    ' ',
  );
/** An agent that writes its identity and then stays, as the real one does. */
const AGENT = `
import { mkdirSync, writeFileSync } from 'node:fs';
const value = (name) => process.argv[process.argv.indexOf(name) + 1];
if (!process.argv.includes('--help')) {
  const folder = value('--home') + '/devices/' + value('--name');
  mkdirSync(folder, { recursive: true });
  writeFileSync(folder + '/identity.json', JSON.stringify({ id: 'a0-b1', secret: 's' }));
  console.log('token ' + process.env.SPAREWHEEL_JOIN_TOKEN);
  setInterval(() => {}, 1000);
}
`;

describe.skipIf(process.platform === 'win32')('the installer', () => {
  let folder;
  let toolbox;
  let root;
  let home;
  let server;
  let url;
  let served;
  let asked;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sparewheel-install-'));
    for (const name of ['toolbox', 'root', 'home', 'archives']) mkdirSync(join(folder, name));
    [toolbox, root, home] = ['toolbox', 'root', 'home'].map((name) => join(folder, name));
    for (const tool of TOOLS) {
      const path = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim();
      if (path.startsWith('/')) symlinkSync(path, join(toolbox, tool));
    }
    symlinkSync(process.execPath, join(toolbox, 'node'));
    tool(
      'uname',
      'if [ "$1" = -n ]; then echo kitchen-pi; elif [ "$1" = -m ]; then echo x86_64; else echo Linux; fi',
    );
    served = { 'linux-x64': await archive('1.0.0') };
    asked = [];
    server = createServer((request, response) => {
      asked.push(request.url);
      void serveAgent(request, response, {
        authentication: { roleOf: (token) => (token === TOKEN ? 'join' : null) },
        agentPackages: {
          find: async (platform, withNode) => {
            const made = served[`${platform}${withNode ? '-node' : ''}`];
            if (made === undefined) throw new AgentPackageError('run npm run package -- agent --with-node');
            return made;
          },
          archive: async (file) => {
            const made = Object.values(served).find((each) => each.file === file);
            return made ? { path: join(folder, 'archives', file), bytes: made.bytes } : null;
          },
        },
        installer,
        dataPlaneUrl: (hostname) => `http://${hostname}:3001`,
        isConnected: (device) => device === 'a0-b1',
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${server.address().port}`;
  });
  afterEach(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });

  function tool(name, script) {
    rmSync(join(toolbox, name), { force: true });
    writeFileSync(join(toolbox, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(toolbox, name), 0o755);
  }

  async function archive(version, agent = AGENT) {
    const name = `sparewheel-agent-${version}-linux-x64`;
    const entries = [
      { path: `${name}/agent.js`, bytes: Buffer.from(agent) },
      { path: `${name}/package.json`, bytes: Buffer.from('{"type":"module"}') },
    ];
    const file = `${name}.tar.gz`;
    return { version, file, ...(await writeArchive(join(folder, 'archives', file), entries)) };
  }

  const asRoot = () => tool('id', 'echo 0');
  const asUser = () => tool('id', 'if [ "$1" = -u ]; then echo 1000; else echo pi; fi');

  /** Adds a systemd that writes down its calls, and starts services as far as an identity shows it. */
  function withSystemd(active = true) {
    mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
    const start = (path) => {
      const device = join(root, path, 'devices/kitchen-pi');
      return `mkdir -p ${device}; echo '{"id":"a0-b1"}' >${device}/identity.json`;
    };
    tool(
      'systemctl',
      `echo "$*" >>${folder}/calls
       case $* in
         *is-active*) exit ${active ? 0 : 3} ;;
         --user*restart*) ${active ? start(`${home}/.local/share/sparewheel-agent/state`) : ':'} ;;
         *restart*) ${active ? start('var/lib/sparewheel-agent') : ':'} ;;
       esac`,
    );
    tool('loginctl', `echo "loginctl $*" >>${folder}/calls; [ $1 = enable-linger ] || echo Linger=no`);
  }
  const calls = () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');

  async function install(shell, parameters = [TOKEN], environment = {}) {
    const [program, ...first] = shell;
    const script = await (await fetch(`${url}/join/install.sh`)).text();
    const path = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();
    const child = spawn(path, [...first, '-s', '--', ...parameters], {
      env: {
        PATH: toolbox,
        HOME: home,
        SPAREWHEEL_INSTALL_ROOT: root,
        SPAREWHEEL_JOIN_SECONDS: '1',
        ...environment,
      },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    child.stdin.end(script);
    const [code] = await once(child, 'close');
    return { code, stdout, stderr };
  }

  /** All files below the root and the home, and folders of the agent. */
  function installed() {
    return [root, home].flatMap((each) =>
      readdirSync(each, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() || entry.name.includes('sparewheel-agent'))
        .map((entry) => entry.name),
    );
  }
  const inRoot = (path) => readFileSync(join(root, path), 'utf8');

  describe.each(SHELLS.map((shell) => [shell.join(' '), shell]))('under %s', (_name, shell) => {
    it('installs a service with its own user as root, and leaves nothing when it is removed', async () => {
      asRoot();
      withSystemd();
      const { code, stdout, stderr } = await install(shell);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect(stdout).toContain('kitchen-pi has joined');
      expect(stdout).toContain('logs: journalctl -u sparewheel-agent -f');
      expect(calls()).toEqual([
        'daemon-reload',
        'enable --quiet sparewheel-agent',
        'restart sparewheel-agent',
      ]);
      const unit = inRoot('etc/systemd/system/sparewheel-agent.service');
      for (const line of [
        'DynamicUser=yes',
        'Restart=always',
        'MemoryMax=80%',
        'ProtectSystem=strict',
        'WantedBy=multi-user.target',
      ])
        expect(unit.split('\n')).toContain(line);
      expect(statSync(join(root, 'opt/sparewheel-agent/agent.env')).mode & 0o777).toBe(0o600);
      expect(inRoot('opt/sparewheel-agent/agent.env')).toContain(`SPAREWHEEL_JOIN_TOKEN='${TOKEN}'`);
      const run = inRoot('opt/sparewheel-agent/run');
      expect(run).toContain(
        "--url 'http://127.0.0.1:3001' --name 'kitchen-pi' --count 1 --home /var/lib/sparewheel-agent",
      );
      expect(run).not.toContain(TOKEN);
      const removed = await install(shell, ['--uninstall']);
      expect(removed).toMatchObject({ code: 0, stderr: '' });
      expect(installed()).toEqual([]);
      expect(calls()).toContain('disable --now --quiet sparewheel-agent');
    });

    it('updates in one step, keeps the settings, and removes the old version', async () => {
      asRoot();
      withSystemd();
      await install(shell, [TOKEN, '--name', 'kitchen-pi', '--count', '1']);
      served = { 'linux-x64': await archive('1.1.0') };
      tool(
        'uname',
        'if [ "$1" = -n ]; then echo other; elif [ "$1" = -m ]; then echo x86_64; else echo Linux; fi',
      );
      expect(await install(shell, [])).toMatchObject({ code: 0, stderr: '' });
      const run = inRoot('opt/sparewheel-agent/run');
      expect(run).toContain("--name 'kitchen-pi'");
      expect(run).toContain('/opt/sparewheel-agent/1.1.0-');
      const versions = readdirSync(join(root, 'opt/sparewheel-agent')).filter((name) => /^\d/.test(name));
      expect(versions).toEqual([expect.stringMatching(/^1\.1\.0-/)]);
      expect(calls().filter((call) => call.startsWith('restart'))).toHaveLength(2);
    });

    it('puts the earlier version back if the new one does not start', async () => {
      asRoot();
      withSystemd();
      await install(shell);
      rmSync(join(root, 'var/lib/sparewheel-agent'), { recursive: true });
      const before = installed();
      const run = inRoot('opt/sparewheel-agent/run');
      served = { 'linux-x64': await archive('1.1.0') };
      withSystemd(false);
      const { code, stdout, stderr } = await install(shell);
      expect(code).toBe(1);
      expect(stdout).toContain('the earlier version is back');
      expect(stderr).toBe('sparewheel: the service does not start; see: journalctl -u sparewheel-agent -f\n');
      expect(inRoot('opt/sparewheel-agent/run')).toBe(run);
      expect(installed()).toEqual(before);
    });

    it('installs a service of the user without root', async () => {
      asUser();
      withSystemd();
      expect(await install(shell)).toMatchObject({
        code: 0,
        stderr: '',
        stdout: expect.stringMatching(
          /kitchen-pi has joined[\s\S]*logs: journalctl --user -u sparewheel-agent -f/,
        ),
      });
      expect(calls()).toContain('--user restart sparewheel-agent');
      expect(calls()).toContain('loginctl enable-linger');
      const unit = inRoot(`${home}/.config/systemd/user/sparewheel-agent.service`);
      expect(unit).toContain(`ExecStart=${home}/.local/share/sparewheel-agent/run\n`);
      expect(unit).toContain('WantedBy=default.target');
      expect(unit).not.toContain('DynamicUser');
      expect(await install(shell, ['--uninstall'])).toMatchObject({ code: 0, stderr: '' });
      expect(calls()).toContain('loginctl disable-linger');
      expect(installed()).toEqual([]);
    });

    it('says how to start the agent without systemd, and starts it in the background only if asked', async () => {
      asUser();
      const environment = { SPAREWHEEL_INSTALL_ROOT: '' };
      const base = join(home, '.local/share/sparewheel-agent');
      const first = await install(shell, [TOKEN], environment);
      expect(first).toMatchObject({ code: 0, stderr: '' });
      expect(first.stdout).toContain(`to start it, run: ${base}/run`);
      expect(existsSync(join(base, 'agent.pid'))).toBe(false);
      const second = await install(shell, ['--background'], {
        ...environment,
        SPAREWHEEL_JOIN_SECONDS: '30',
      });
      expect(second).toMatchObject({ code: 0, stderr: '' });
      expect(second.stdout).toContain('kitchen-pi has joined');
      const processId = Number(readFileSync(join(base, 'agent.pid'), 'utf8'));
      expect(readFileSync(join(base, 'agent.log'), 'utf8')).toContain(`token ${TOKEN}`);
      expect(await install(shell, ['--uninstall'], environment)).toMatchObject({ code: 0, stderr: '' });
      expect(() => process.kill(processId, 0)).toThrow();
      expect(installed()).toEqual([]);
    });
  });

  describe('fails with one sentence and leaves nothing behind:', () => {
    const cases = {
      'a wrong checksum': {
        prepare: () => (served['linux-x64'].sha256 = '0'.repeat(64)),
        sentence: /the checksum of sparewheel-agent-1\.0\.0-linux-x64\.tar\.gz is wrong/,
      },
      'an unknown token': {
        parameters: ['another-token'],
        sentence: /The join token is unknown\. Copy the command/,
      },
      'no token': { parameters: [], sentence: /the join token is missing/ },
      'a wrong processor': {
        prepare: () => tool('node', 'case $1 in -p) echo riscv64 ;; esac'),
        sentence: /there is no agent for this machine \(Linux, riscv64\)/,
      },
      'no Node': {
        prepare: () => rmSync(join(toolbox, 'node')),
        sentence: /this machine has no Node\. .*run npm run package -- agent --with-node/,
      },
      'an old Node': {
        prepare: () => tool('node', 'case $1 in -e) exit 1 ;; *) echo 18.19.0 ;; esac'),
        sentence: /Node 18\.19\.0 is too old; the agent needs 20\.11 or newer\. .*--with-node/,
      },
      'a full disk': {
        prepare: () => tool('df', 'echo Filesystem; echo /dev/root 100 100 20 99% /'),
        sentence: /the disk has 0 MB free in \/opt\/sparewheel-agent; the agent needs 1 MB/,
      },
      'a disk that is full while it unpacks': {
        prepare: () => tool('tar', 'echo "tar: No space left on device" >&2; exit 2'),
        sentence: /cannot be unpacked: tar: No space left on device/,
      },
      'an agent that does not run': {
        prepare: async () => (served['linux-x64'] = await archive('1.0.1', 'throw new Error("damaged")')),
        sentence: /the agent does not run on this machine/,
      },
      'a service that does not start': {
        prepare: () => withSystemd(false),
        sentence: /the service does not start; see: journalctl/,
      },
      'no download': {
        prepare: () => tool('curl', 'echo "curl: (7) failed" >&2; exit 7'),
        sentence: /the download of .* failed; is the disk full, or the network down\?/,
      },
      'an unknown option': { parameters: [TOKEN, '--color'], sentence: /the option --color is unknown/ },
      'a dangerous name': {
        parameters: [TOKEN, '--name', 'x;reboot'],
        sentence: /--name 'x;reboot' is invalid/,
      },
      'nothing to remove': {
        parameters: ['--uninstall'],
        sentence: /the agent is not installed for this user/,
      },
    };
    it.each(Object.keys(cases))('%s', async (name) => {
      const { prepare, parameters = [TOKEN], sentence } = cases[name];
      asRoot();
      await prepare?.();
      const { code, stderr } = await install(SHELLS[0], parameters);
      const lines = stderr
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('curl:'));
      expect(lines).toEqual([expect.stringMatching(sentence)]);
      expect(lines[0]).toMatch(/^sparewheel: /);
      expect(code).toBe(1);
      expect(installed()).toEqual([]);
    });
  });

  it('uses the archive with Node where the machine has none', async () => {
    asRoot();
    rmSync(join(toolbox, 'node'));
    const name = 'sparewheel-agent-1.0.0-linux-x64-node';
    const entries = [
      { path: `${name}/agent.js`, bytes: Buffer.from(AGENT) },
      { path: `${name}/bin/node`, bytes: Buffer.from('#!/bin/sh\nexit 0\n'), executable: true },
    ];
    const file = `${name}.tar.gz`;
    const written = await writeArchive(join(folder, 'archives', file), entries);
    served['linux-x64-node'] = { version: '1.0.0', file, ...written };
    expect(await install(SHELLS[0])).toMatchObject({ code: 0, stderr: '' });
    expect(inRoot('opt/sparewheel-agent/run')).toMatch(
      /exec \/opt\/sparewheel-agent\/1\.0\.0-\w+\/bin\/node /,
    );
  });

  it('takes the 32-bit agent for a 32-bit system on a 64-bit kernel', async () => {
    asRoot();
    tool('uname', 'if [ "$1" = -m ]; then echo aarch64; else echo Linux; fi');
    tool('getconf', 'echo 32');
    rmSync(join(toolbox, 'node'));
    await install(SHELLS[0]);
    expect(asked).toContain('/join/agent?platform=linux-armv7&node=included');
  });

  it.skipIf(!has('systemd-analyze'))('writes units that systemd accepts', async () => {
    for (const user of [asRoot, asUser]) {
      user();
      withSystemd();
      // The fake systemctl accepts `--user show-environment`.
      await install(SHELLS[0]);
    }
    const units = [
      [join(root, 'etc/systemd/system'), '--system'],
      [join(root, home, '.config/systemd/user'), '--user'],
    ];
    for (const [path, scope] of units) {
      const unit = join(path, 'sparewheel-agent.service');
      // systemd also checks that the program exists.
      writeFileSync(unit, readFileSync(unit, 'utf8').replace(/^ExecStart=.*/m, 'ExecStart=/bin/true'));
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', scope, unit], { encoding: 'utf8' });
      expect(stderr.split('\n').filter((line) => line.includes('sparewheel'))).toEqual([]);
      expect([0, 1]).toContain(status);
    }
  });

  it.skipIf(!has('shellcheck'))('is clean in shellcheck', () => {
    expect(spawnSync('shellcheck', [installer], { encoding: 'utf8' }).stdout).toBe('');
  });
});
