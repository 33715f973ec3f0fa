/**
 * Divides sound into inputs of the voice activity detector. Runs in browsers, so it must not import Node modules.
 */
export { syntheticVowels } from './synthetic-vowels.ts';
export * from './voice-frames.ts';
