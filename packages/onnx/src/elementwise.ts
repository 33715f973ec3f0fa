/** Operators of ONNX that compute each element of their output from the same element of each input, with broadcasting. */
export const ELEMENTWISE: ReadonlySet<string> = new Set(
  (
    'Abs Add Cast Ceil Celu Clip Cos Div Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity LeakyRelu ' +
    'Log Max Mean Min Mish Mul Neg PRelu Pow Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Softsign Sqrt Sub ' +
    'Sum Tanh ThresholdedRelu'
  ).split(' '),
);
