/**
 * Notes the memory of every WebAssembly program that starts from here on: a browser tells nobody else what a Worker
 * occupies, and ONNX Runtime keeps nearly all of it there.
 * @returns bytes of all of it now; a heap grows and never shrinks
 */
export function watchWasmHeap(wasm: typeof WebAssembly = WebAssembly): () => number {
  const memories: WebAssembly.Memory[] = [];
  wasm.Memory = new Proxy(wasm.Memory, {
    construct(target, parameters: [WebAssembly.MemoryDescriptor]) {
      const memory = new target(...parameters);
      memories.push(memory);
      return memory;
    },
  });
  return () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}
