/**
 * `npm run package -- agent`: archives of the agent for devices, which need neither npm nor a build. With its checksum,
 * each archive is in `dist/agent`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { agentContents, PLATFORMS, packageName } from './agent-contents.mjs';
import { writeArchive } from './archive.mjs';
import { hasNode, nodeBinary } from './node-binary.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const USAGE = `Usage: npm run package -- agent [options]

  --platform NAME  one of ${Object.keys(PLATFORMS).join(', ')} (default: all)
  --with-node      include Node, for devices without it; npm downloads it once
  --downloaded     with --with-node: fail instead of a download
  --out DIR        folder of the archives (default: dist/agent)
  --json           print one JSON object as the last line
  --help           show this help`;

class UsageError extends Error {}

function parse(parameters) {
  let parsed;
  try {
    parsed = parseArgs({
      args: parameters,
      allowPositionals: true,
      options: {
        platform: { type: 'string' },
        'with-node': { type: 'boolean', default: false },
        downloaded: { type: 'boolean', default: false },
        out: { type: 'string', default: join(root, 'dist', 'agent') },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error.message);
  }
  const { values, positionals } = parsed;
  if (values.help) return values;
  if (positionals.length !== 1 || positionals[0] !== 'agent')
    throw new UsageError('name what to package: agent');
  if (values.platform !== undefined && !Object.hasOwn(PLATFORMS, values.platform)) {
    throw new UsageError(
      `--platform ${values.platform} is unknown; use ${Object.keys(PLATFORMS).join(', ')}`,
    );
  }
  return values;
}

async function packageAgent(platform, { out, withNode, downloaded }) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const source = PLATFORMS[platform].node;
  const cache = join(root, 'dist', 'node');
  if (withNode && downloaded && !hasNode(cache, source)) {
    throw new Error(
      `Node for ${platform} is not downloaded; run npm run package -- agent --with-node on the machine of the control plane, or install Node on the device`,
    );
  }
  const node = withNode ? await nodeBinary(cache, source) : null;
  const file = `${packageName(version, platform, withNode)}.tar.gz`;
  const written = await writeArchive(join(out, file), agentContents(root, version, platform, node));
  return { platform, version, file, withNode, ...written };
}

async function main() {
  const values = parse(process.argv.slice(2));
  if (values.help) return console.log(USAGE);
  const { out, downloaded, 'with-node': withNode } = values;
  const platforms = values.platform === undefined ? Object.keys(PLATFORMS) : [values.platform];
  const packages = [];
  for (const platform of platforms) {
    const made = await packageAgent(platform, { out, withNode, downloaded });
    packages.push(made);
    const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
    console.log(
      `${join(out, made.file)}  ${megabytes(made.bytes)}, unpacked ${megabytes(made.unpackedBytes)}`,
    );
  }
  if (values.json) console.log(JSON.stringify({ packages }));
}

main().catch((error) => {
  console.error(`sparewheel: ${error.message}`);
  if (error instanceof UsageError) console.error('  use --help for the options');
  process.exit(error instanceof UsageError ? 2 : 1);
});
