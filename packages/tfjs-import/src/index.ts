export { convertTfjs } from './convert.ts';
export { convertTfjsFiles } from './convert-files.ts';
export type { WeightFiles } from './weights.ts';
