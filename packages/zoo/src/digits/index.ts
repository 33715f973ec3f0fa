/**
 * Converts drawings to inputs of the digit networks. Runs in browsers, so it must not import Node modules.
 */
export * from './digit-input.ts';
export * from './samples.ts';
export { drawStrokes, type GrayImage, type Point, type Stroke } from './stroke.ts';
