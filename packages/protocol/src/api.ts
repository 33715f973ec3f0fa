/** Schemas of the requests to the admin API (`/api`, port 3000). Safe for browsers. */
import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { faultSchema } from './wire.ts';

/** Names of models and deployments. They are part of URLs and file names. */
export const nameSchema = z
  .string()
  .max(LIMITS.nameLength)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
    'a name starts with a letter or digit and has letters, digits, dots, dashes and underscores',
  );

/** A waiting threshold in milliseconds, or a rule that determines it. */
const waitMsSchema = z.union([
  z.number().min(0).max(60_000),
  z.literal('any-k'),
  z.literal('adaptive'),
  z.literal('all'),
]);

/** How a deployment gathers answers. It can change while the deployment serves. */
const policyFields = {
  /**
   * The waiting threshold: how long a step that can already be decoded waits for missing data shards.
   * - `any-k`: not at all; decodes as soon as any k answers are in (threshold 0 in the paper).
   * - a number: until that many milliseconds after the scatter, then decodes from the answers that are in.
   * - `adaptive`: as a number, but learned per step from the observed arrivals.
   * - `all`: for all k data shards, like an uncoded system. Uses parity only where a device is known to be down.
   *
   * Under every value, the remaining steps together may wait for at most half of the time left until the deadline.
   */
  waitMs: waitMsSchema,
  /** When the parity check runs on surplus answers; see LIMITS.md. */
  verify: z.enum(['before', 'after', 'off']),
  /** From acceptance until the request fails with an explicit error. */
  deadlineMs: z.number().min(10).max(600_000),
  /** Whether a busy device may compute requests that wait for the same step together. Default true. */
  batch: z.boolean(),
  /**
   * What happens to the shards of failed devices when more are missing than the code recovers. Default: `data-plane`;
   * `off` under the objective `devices-only`.
   * - `data-plane`: the data plane computes them at once.
   * - `devices`: a surviving device loads them as a second task, and computes two shards in turn until the seat moves back.
   * - `off`: requests wait for the device or a standby, until their deadline.
   */
  rescue: z.enum(['data-plane', 'devices', 'off']),
  /**
   * The least time in ms from a failure until the coordinator acts on it: by a rescue, a redistribution or a takeover.
   * null, the default: as soon as it notices the failure. Decoding needs no detection, so it never waits for this.
   */
  detectMs: z.number().min(0).max(60_000).nullable(),
};

export const policySchema = z.strictObject({
  ...policyFields,
  waitMs: policyFields.waitMs.default('any-k'),
  verify: policyFields.verify.default('after'),
  deadlineMs: policyFields.deadlineMs.default(LIMITS.requestDeadlineMs),
  batch: policyFields.batch.optional(),
  rescue: policyFields.rescue.optional(),
  detectMs: policyFields.detectMs.optional(),
});
export type Policy = Readonly<z.infer<typeof policySchema>>;
export type RescueRule = NonNullable<Policy['rescue']>;
/** A policy in an answer of the API: the defaults of the rules for failures are filled in. */
export type PolicyView = Policy & { readonly rescue: RescueRule; readonly detectMs: number | null };

export const policyPatchSchema = z.strictObject({
  policy: z
    .strictObject(policyFields)
    .partial()
    .refine(
      (patch) => Object.keys(patch).length > 0,
      `name at least one of ${Object.keys(policyFields).join(', ')}`,
    ),
});

/** Sizes of symbolic dimensions, by their names in the model: `{ "batch": 1 }`. */
export const dimensionsSchema = z.record(z.string(), z.number().int().positive());

const planShape = z.strictObject({
  model: nameSchema,
  devices: z.array(z.string()).optional(),
  k: z.number().int().min(1).max(64).default(4),
  /** Default: 0 for the strategy `uncoded`, else 1. */
  r: z.number().int().min(0).max(16).optional(),
  strategy: z.enum(['coded', 'paper', 'uncoded', 'replicated']).default('coded'),
  layers: z.union([z.enum(['auto', 'all']), z.array(z.string()).min(1)]).default('auto'),
  /** What the distributed layers divide; `auto` chooses for each layer. */
  splits: z.enum(['auto', 'weights', 'inputs', 'tiles', 'slices']).default('auto'),
  /** `devices-only`: the data plane runs no linear layer and computes no missing shard. */
  objective: z.enum(['latency', 'devices-only']).default('latency'),
  policy: policySchema.prefault({}),
});

export const planRequestSchema = planShape.transform(withParity);
export type PlanRequest = z.infer<typeof planRequestSchema>;

export const deploymentRequestSchema = planShape
  .extend({
    name: nameSchema,
    /** The deployment whose accepted requests this one receives as copies. It must have the same model. */
    mirrorOf: nameSchema.optional(),
  })
  .transform(withParity);
export type DeploymentRequest = z.infer<typeof deploymentRequestSchema>;

/** The body of `POST` and `PATCH /api/deployments/{name}/twin`. */
export const twinRequestSchema = z.strictObject({ detectMs: policyFields.detectMs.optional() });
export type TwinRequest = z.infer<typeof twinRequestSchema>;

/** Adds the default of r, and rejects parity for a strategy without it. */
function withParity<Request extends { strategy: string; r?: number | undefined }>(
  request: Request,
  context: z.RefinementCtx,
): Omit<Request, 'r'> & { r: number } {
  const uncoded = request.strategy === 'uncoded';
  const r = request.r ?? (uncoded ? 0 : 1);
  if (uncoded && r > 0) {
    context.addIssue({
      code: 'custom',
      path: ['r'],
      message: 'the strategy "uncoded" has no parity, so r must be 0',
    });
  }
  return { ...request, r };
}

/** When a load ends by itself (the first limit counts), and its inputs. */
const loadShape = {
  requests: z.number().int().min(1).max(10_000_000).optional(),
  seconds: z.number().positive().max(86_400).optional(),
  /**
   * Inputs that replace the samples, used in turn, for a model with one float32 or uint8 input. Each is base64 of one
   * byte per element in the input's order; a float32 element is the byte ÷ 255.
   */
  pictures: z
    .array(z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/, 'expected bytes in base64'))
    .min(1)
    .max(16)
    .optional(),
};
export const loadRequestSchema = z.discriminatedUnion('mode', [
  z.strictObject({
    mode: z.literal('closed'),
    concurrency: z.number().int().min(1).max(64).default(8),
    ...loadShape,
  }),
  z.strictObject({ mode: z.literal('open'), ratePerSecond: z.number().positive().max(10_000), ...loadShape }),
]);
export type LoadRequest = z.infer<typeof loadRequestSchema>;

/** The faults that an operator can inject. kill, pause and resume are signals; the agent emulates the others. */
export const faultRequestSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('kill') }),
  z.strictObject({ kind: z.literal('pause') }),
  z.strictObject({ kind: z.literal('resume') }),
  ...faultSchema.options,
]);
export type FaultRequest = z.infer<typeof faultRequestSchema>;
