// @vitest-environment happy-dom
import { act, renderHook } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { usePicture } from './use-picture.ts';

it('closes the picture that is replaced, and the last one at the end', () => {
  const [first, second] = [vi.fn(), vi.fn()].map((close) => ({ close }) as unknown as ImageBitmap);
  const hook = renderHook(() => usePicture());
  act(() => hook.result.current[1](first!));
  expect(first!.close).not.toHaveBeenCalled();
  act(() => hook.result.current[1](second!));
  expect(hook.result.current[0]).toBe(second);
  expect(first!.close).toHaveBeenCalledOnce();
  expect(second!.close).not.toHaveBeenCalled();
  hook.unmount();
  expect(second!.close).toHaveBeenCalledOnce();
});
