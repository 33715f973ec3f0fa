/**
 * Converts pictures of one text line to inputs of the line reader, and its answers to text. Runs in browsers, so
 * it must not import Node modules.
 */
export * from './line-tensor.ts';
export * from './read-characters.ts';
