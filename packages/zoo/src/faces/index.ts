/**
 * Converts pictures to inputs of the face detector, and its answers to boxes. Runs in browsers, so it must not
 * import Node modules.
 */
export { DRAWN_FACE } from './drawn-face.ts';
export * from './face-tensor.ts';
export * from './find-faces.ts';
