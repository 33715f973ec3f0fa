import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { tarOfFiles } from './tar-of-files.ts';

async function unpacked(archive: Blob): Promise<[string, number][]> {
  const entries = extract();
  entries.end(Buffer.from(await archive.arrayBuffer()));
  const files: [string, number][] = [];
  for await (const entry of entries) {
    let bytes = 0;
    for await (const chunk of entry) bytes += (chunk as Buffer).length;
    files.push([entry.header.name, bytes]);
  }
  return files;
}

describe('files that are packed for an upload', () => {
  it('keep their names and sizes', async () => {
    const sizes = [0, 1, 511, 512, 513, 70_000];
    const files = sizes.map((size) => new File([new Uint8Array(size)], `group1-shard${size}.bin`));
    expect(await unpacked(tarOfFiles(files))).toEqual(sizes.map((size) => [`group1-shard${size}.bin`, size]));
  });

  it('may have names that do not fit into a header, and names outside of ASCII', async () => {
    const names = [`${'long'.repeat(40)}.bin`, 'Modell für Äpfel.json'];
    const files = names.map((name) => new File(['x'], name));
    expect(await unpacked(tarOfFiles(files))).toEqual(names.map((name) => [name, 1]));
  });

  it('give the same bytes each time', async () => {
    const bytes = () =>
      tarOfFiles([new File(['x'], 'a', { lastModified: Math.random() * 1e12 })]).arrayBuffer();
    expect(Buffer.from(await bytes()).equals(Buffer.from(await bytes()))).toBe(true);
  });
});
