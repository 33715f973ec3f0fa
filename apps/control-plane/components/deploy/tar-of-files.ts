/** Size of a header, and the unit that files are padded to. */
const BLOCK = 512;
const MAX_NAME_BYTES = 100;

/**
 * Packs files into one tar archive. Their bytes are not copied: the browser reads them while it sends the archive.
 * The same files give the same bytes.
 */
export function tarOfFiles(files: readonly File[]): Blob {
  const parts = files.flatMap((file) => {
    const name = new TextEncoder().encode(file.name);
    // A longer name is the content of an entry of its own, as in GNU tar.
    const long =
      name.length > MAX_NAME_BYTES ? [header(LONG_NAME, name.length, 'L'), name, padding(name.length)] : [];
    return [...long, header(name.subarray(0, MAX_NAME_BYTES), file.size, '0'), file, padding(file.size)];
  });
  return new Blob([...(parts as BlobPart[]), new Uint8Array(2 * BLOCK)]);
}

const LONG_NAME = new TextEncoder().encode('././@LongLink');

function header(name: Uint8Array, size: number, type: '0' | 'L'): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const write = (at: number, text: string) => block.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  block.set(name);
  write(100, `${octal(0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0${octal(size, 11)}\0${octal(0, 11)}\0`);
  // While the checksum is computed, its own field has spaces.
  write(148, `        ${type}`);
  write(257, 'ustar\x0000');
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  write(148, `${octal(checksum, 6)}\0 `);
  return block;
}

function padding(size: number): Uint8Array {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}
