/** Commands to sotto-mic, and its events; native/mic/sotto-mic.c is the other side. */
import * as v from 'valibot';

/** Lines on its stdin. `open N` opens number N of the last list. */
export const LIST = 'list';
export const OPEN = 'open';
export const STOP = 'stop';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const micEventSchema = v.variant('type', [
  v.object({
    type: v.literal('devices'),
    devices: v.array(v.object({ name: v.string(), isDefault: v.boolean() })),
  }),
  /** Repeated when the system moves the recording to another device; `rate` doesn't change then. */
  v.object({
    type: v.literal('opened'),
    name: v.string(),
    rate: v.pipe(v.number(), v.integer(), v.minValue(1_000), v.maxValue(1_000_000)),
  }),
  /** Samples that are missing here because this process didn't read in time. */
  v.object({ type: v.literal('dropped'), samples: count }),
  v.object({ type: v.literal('closed') }),
  v.object({
    type: v.literal('failed'),
    reason: v.picklist(['none', 'denied', 'open', 'lost', 'command', 'system']),
    /** The audio system's own message; may be empty. */
    detail: v.string(),
  }),
]);
export type MicEvent = v.InferOutput<typeof micEventSchema>;
export type MicFailure = Extract<MicEvent, { type: 'failed' }>;

export interface OpenRequest {
  readonly device?: string;
  /** Whether the system default replaces a device that isn't connected. */
  readonly orDefault: boolean;
}
