/**
 * Honest devices are never blamed: each kind of model that once led to blame runs on a mixed fleet, native and
 * WebAssembly, healthy and without each device, with every kind of verification.
 */
import { joinChunks, writeModel } from '@sparewheel/onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlameLab } from './blame-lab.ts';
import { DECIDED_SHAPES, type EssentialKind, UNUSUAL_VALUES } from './essential-kinds.ts';
import { outcomes } from './outcome.ts';
import { plainAnswer } from './plain-runtime.ts';
import { loadPublicFault, publicFaultNames } from './public-faults.ts';

let lab: BlameLab;
beforeAll(async () => {
  lab = await BlameLab.open();
});
afterAll(() => lab.close());

/** The public graphs that run without blame. */
const PUBLIC = [
  'body_weight_if_31',
  'body_weight_if_32',
  'body_weight_loop_32',
  'detector_first_hit',
  'grouped_conv_reason',
  'if_other_branch',
  'int4_arbiter',
  'length_input_shape',
  'mask_input_quarantine',
  'missing_value_nan',
  'neginf_mask_replicated',
  'nms_redeploy_quarantine',
  'prototype_names',
  'random_replicated_before',
  'unique_ids_shape',
];
const present = publicFaultNames();

describe('answers are right and no honest device is blamed', () => {
  it.skipIf(present.length === 0).each(PUBLIC)('public graph %s', async (name) => {
    const fault = loadPublicFault(name);
    expect(await outcomes(lab, fault.modelPath, fault)).toEqual(['right']);
    expect(lab.blame).toEqual({ quarantines: 0, invalid: 0 });
  });

  it.each(Object.entries({ ...DECIDED_SHAPES, ...UNUSUAL_VALUES }))('when %s', async (_, kind) => {
    await expectNoBlame(kind);
  });
});

async function expectNoBlame({ model, feeds, random = false, replicated }: EssentialKind): Promise<void> {
  const path = lab.write(joinChunks(writeModel(model)));
  const expected = await plainAnswer(model, feeds);
  const plan = replicated ? ({ strategy: 'replicated', k: replicated } as const) : CODED;
  expect(await outcomes(lab, path, { feeds, expected, random, tolerance: 1e-4, ...plan })).toEqual(['right']);
  expect(lab.blame).toEqual({ quarantines: 0, invalid: 0 });
}

const CODED = { strategy: 'coded', k: 3 } as const;
