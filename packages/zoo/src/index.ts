export * from './digits/index.ts';
export { type ZooModel, zooModel, zooModels } from './zoo-models.ts';
