/** Finds the requested device by its number in the list, its name, or a part of its name. */
import { SottoError } from '../../protocol/errors.js';
import { defined } from '../../protocol/defined.js';

/** The system default. */
export const DEFAULT_DEVICE = -1;

/** @throws SottoError MIC_UNAVAILABLE if no device matches, or more than one */
export function chooseDevice(names: readonly string[], wanted: string | undefined): number {
  if (wanted === undefined) return DEFAULT_DEVICE;
  if (/^\d+$/.test(wanted) && Number(wanted) < names.length) return Number(wanted);
  const key = (name: string): string => name.toLowerCase().normalize('NFC').trim();
  const numbered = names.map((name, index) => ({ name, index }));
  const same = numbered.filter(({ name }) => key(name) === key(wanted));
  const matching = same.length > 0 ? same : numbered.filter(({ name }) => key(name).includes(key(wanted)));
  const [first] = matching;
  if (first !== undefined && matching.length === 1) return first.index;
  const hint = `choose one of: ${names.map((name, index) => `${index} ${name}`).join(', ')}`;
  const what = matching.length === 0 ? 'no microphone matches' : 'more than one microphone matches';
  throw new SottoError('MIC_UNAVAILABLE', `${what} ${wanted}`, names.length === 0 ? {} : { hint });
}

/** As `chooseDevice`, but the system default if the requested device isn't connected. */
export function chooseOrDefault(
  names: readonly string[],
  wanted: string | undefined,
): { readonly device: number; readonly fallbackFor?: string } {
  try {
    return { device: chooseDevice(names, wanted) };
  } catch {
    return { device: DEFAULT_DEVICE, ...defined({ fallbackFor: wanted }) };
  }
}
