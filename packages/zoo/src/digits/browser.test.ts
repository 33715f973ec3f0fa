import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

function bundle(entry: string): ReturnType<typeof build> {
  const path = fileURLToPath(new URL(entry, import.meta.url));
  return build({ entryPoints: [path], bundle: true, platform: 'browser', write: false, logLevel: 'silent' });
}

test('@sparewheel/zoo/digits bundles for a browser, samples included', async () => {
  const { outputFiles, warnings } = await bundle('./index.ts');
  expect(warnings).toEqual([]);
  expect(outputFiles![0]!.text).toContain('digitFromPixels');
});

test.each([
  ['faces', 'findFaces'],
  ['line-reader', 'lineTensor'],
  ['voice', 'syntheticVowels'],
])('@sparewheel/zoo/%s bundles for a browser', async (part, exported) => {
  const { outputFiles, warnings } = await bundle(`../${part}/index.ts`);
  expect(warnings).toEqual([]);
  expect(outputFiles![0]!.text).toContain(exported);
});

test('@sparewheel/zoo does not bundle for a browser (negative control)', async () => {
  await expect(bundle('../index.ts')).rejects.toThrow(/node:/);
});
