interface TensorConstructor<T> {
  new (type: 'uint16', bits: Uint16Array, dims: readonly number[]): T;
}

/**
 * Creates a float16 tensor of ONNX Runtime from the bits of its elements.
 *
 * Where the platform has Float16Array, ONNX Runtime makes one of the data. Its native binding then finds no elements:
 * "not enough space: expected 4, got 0".
 * @param Tensor  ONNX Runtime's class
 * @param bits    shared with the tensor
 */
export function float16Tensor<T extends { readonly type: string }>(
  Tensor: TensorConstructor<T>,
  bits: Uint16Array,
  dims: readonly number[],
): T {
  const tensor = new Tensor('uint16', bits, dims);
  (tensor as { type: string }).type = 'float16';
  return tensor;
}
