/** The documentation is true where a program can check it: links, commands, paths, routes, flags and examples. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deploymentRequestSchema, faultRequestSchema, loadRequestSchema } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import borders from '../.dependency-cruiser.mjs';
import { USAGE as AGENT_USAGE } from '../apps/agent/src/command-line.ts';
import { USAGE as START_USAGE } from '../apps/control-plane/src/configuration.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path) => readFileSync(join(root, path), 'utf8');
const markdownIn = (folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));

const docs = markdownIn('docs');
const pages = [
  ...markdownIn('.'),
  ...docs,
  ...markdownIn('docs/decisions'),
  ...markdownIn('bench'),
  'packages/cdc/README.md',
];
const prose = (text) => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(text) {
  const headings = text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, title]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function brokenLinks(page, text) {
  return [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path, anchor] = link.split('#');
      const target = path === '' ? join(root, page) : resolve(root, dirname(page), path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor);
    });
}

function unknownCommands(text) {
  const scripts = Object.keys(JSON.parse(read('package.json')).scripts);
  const named = [...text.matchAll(/\bnpm (?:run (?:-s )?([a-z][a-z:-]*)|(start|test)\b)/g)];
  return named.map(([, script, short]) => script ?? short).filter((name) => !scripts.includes(name));
}

function missingPaths(page, text) {
  const named = [
    ...text.matchAll(/`((?:packages|apps|bench|e2e|scripts|tools|prisma|docs)\/[^`\s*{}<>]+)`/g),
  ];
  return named
    .map(([, path]) => path)
    .filter((path) => !existsSync(join(root, path)) && !existsSync(join(root, dirname(page), path)));
}

describe.each(pages)('%s', (page) => {
  const text = read(page);

  it('links to files and headings that exist', () => {
    expect(brokenLinks(page, text)).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    expect(unknownCommands(text)).toEqual([]);
  });

  it('names files and folders that exist', () => {
    expect(missingPaths(page, text)).toEqual([]);
  });
});

it.each(docs)('%s starts with its purpose and its reader', (page) => {
  expect(read(page)).toMatch(/^# .+\n\nThis page .+\n(?:.+\n)?(?:.*)It is for .+/);
});

it('ARCHITECTURE.md lists the import borders that are enforced', () => {
  const rows = [
    ...read('docs/ARCHITECTURE.md').matchAll(/^\| `([a-z-]+)` \| ((?:`[a-z-]+`(?:, )?)+|nothing) \|$/gm),
  ];
  const documented = rows.map(
    ([, name, list]) => `packages/${name} may import of ours: ${list.replaceAll('`', '')}.`,
  );
  const enforced = borders.forbidden
    .map(({ comment }) => comment)
    .filter((text) => /may import of ours/.test(text));
  expect(documented.sort()).toEqual(enforced.sort());
});

describe('API.md', () => {
  const api = read('docs/API.md');

  it('lists every route of the admin API, and no other', () => {
    const folder = join(root, 'apps/control-plane/src/api');
    const sources = readdirSync(folder)
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('\n');
    const declared = [
      ...sources.matchAll(/app\.(get|post|put|patch|delete)(?:<[\s\S]*?>)?\(\s*['`](\/api[^'`]*)['`]/g),
    ].map(([, , path]) => path.replace(/:\w+/g, '{}'));
    const documented = [...api.matchAll(/`(?:GET|POST|PATCH|PUT|DELETE) (\/api[^`?]*)/g)].map(([, path]) =>
      path.replace(/\{\w+\}/g, '{}'),
    );
    expect(declared.length).toBeGreaterThan(20);
    expect([...new Set(documented)].sort()).toEqual([...new Set(declared)].sort());
  });

  it('lists every option and variable of npm start and of the agent', () => {
    const internal = ['--help', '--dev', '--with-parent'];
    const options = `${START_USAGE}\n${AGENT_USAGE}`.match(
      /--[a-z][a-z-]+|\b(?:SPAREWHEEL_|DATA(?:BASE)?_)[A-Z_]+/g,
    );
    const missing = options.filter((option) => !internal.includes(option) && !api.includes(option));
    expect(missing).toEqual([]);
  });

  it('gives faults and loads that the API accepts', () => {
    const examples = [...api.matchAll(/`(\{ "(kind|mode)": .*?\})`/g)];
    expect(examples.length).toBeGreaterThan(8);
    for (const [, json, field] of examples) {
      const schema = field === 'kind' ? faultRequestSchema : loadRequestSchema;
      expect(schema.safeParse(JSON.parse(json)).success, json).toBe(true);
    }
  });
});

it('README.md gives a deployment that the API accepts', () => {
  const [, json] = /-d '(\{.*?\})'/.exec(read('README.md'));
  expect(deploymentRequestSchema.safeParse(JSON.parse(json)).error).toBeUndefined();
});

describe('these checks can fail:', () => {
  it('a missing file, a missing heading, an unknown script and a missing folder are reported', () => {
    expect(brokenLinks('README.md', '[a](nowhere.md) [b](README.md#no-heading) [c](#no)')).toHaveLength(3);
    expect(unknownCommands('npm run fly, npm run -s soar and npm test')).toEqual(['fly', 'soar']);
    expect(missingPaths('README.md', '`packages/nowhere` and `packages/cdc`')).toEqual(['packages/nowhere']);
  });
});
