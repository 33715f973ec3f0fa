import type { Parameter } from './layer.ts';

/** Adam with decoupled weight decay [Kingma & Ba 2015; Loshchilov & Hutter 2019] and averaged weights. */
export interface Optimizer {
  /** Updates every parameter from its gradient, clears the gradients, and updates the average. */
  step(learningRate: number): void;
  /** Replaces the weights with their average. Call it once, after the last step. */
  takeAverage(): void;
}

export interface OptimizerOptions {
  /** Shrinks weights, but not biases, by this share times the learning rate in each step. */
  readonly weightDecay: number;
  /** Share of the average that each step keeps. 0.999 averages over about the last 1 000 steps. */
  readonly averageDecay: number;
}

const FIRST_MOMENT = 0.9;
const SECOND_MOMENT = 0.999;
const EPSILON = 1e-8;

export function makeOptimizer(parameters: readonly Parameter[], options: OptimizerOptions): Optimizer {
  const states = parameters.map((parameter) => ({
    parameter,
    mean: new Float64Array(parameter.values.length),
    square: new Float64Array(parameter.values.length),
    average: Float64Array.from(parameter.values),
    decay: parameter.dims.length > 1 ? options.weightDecay : 0,
  }));
  let steps = 0;
  return {
    step(learningRate) {
      steps++;
      const meanScale = 1 / (1 - FIRST_MOMENT ** steps);
      const squareScale = 1 / (1 - SECOND_MOMENT ** steps);
      // Early in training the average must drop the random initial weights faster than its decay does.
      const keep = Math.min(options.averageDecay, steps / (steps + 10));
      for (const { parameter, mean, square, average, decay } of states) {
        const { values, gradient } = parameter;
        for (let i = 0; i < values.length; i++) {
          const slope = gradient[i]!;
          const m = FIRST_MOMENT * mean[i]! + (1 - FIRST_MOMENT) * slope;
          const s = SECOND_MOMENT * square[i]! + (1 - SECOND_MOMENT) * slope * slope;
          mean[i] = m;
          square[i] = s;
          const move = (m * meanScale) / (Math.sqrt(s * squareScale) + EPSILON);
          const value = values[i]! - learningRate * (move + decay * values[i]!);
          values[i] = value;
          average[i] = keep * average[i]! + (1 - keep) * value;
          gradient[i] = 0;
        }
      }
    },
    takeAverage() {
      for (const { parameter, average } of states) parameter.values.set(average);
    },
  };
}
