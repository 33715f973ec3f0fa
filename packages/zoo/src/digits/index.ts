/** What a page needs to turn a drawing into a network's input. Runs in browsers: nothing of Node in here. */
export * from './digit-input.ts';
export * from './samples.ts';
export { drawStrokes, type GreyImage, type Point, type Stroke } from './stroke.ts';
