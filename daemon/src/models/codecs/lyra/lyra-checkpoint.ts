/** Opens a model directory: its config, and its arrays in the form of our network. */
import { mx, type MxArray } from '#native/index.js';

import type { Checkpoint } from '../../checkpoint/checkpoint-network.js';
import type { ArrayRole, Namings } from '../../checkpoint/naming.js';
import { readConfigFile } from '../../config-file.js';
import { CONVERTED_LAYOUT, openCodecCheckpoint, partOf } from '../codec-checkpoint.js';
import { parseLyraConfig, type LyraConfig } from './lyra-config.js';

const WEIGHT =
  /^(?:encoder|decoder)\.layers\.\d+\.(?:(?:depthwise\.)?conv|pointwise|mixing)\.(?:weight|bias)$|^quantizer\.layers\.\d+\.codebook\.embed$/;
/** Weights that the published files have in 8 bits, with one scale for each output channel. */
const PART = /\.weight_(int8|scales)$/;

const LYRA_NAMINGS: Namings = {
  family: 'Lyra',
  schemes: [
    { layout: CONVERTED_LAYOUT, recognizes: (names) => [...names].some((name) => WEIGHT.test(name)), roleOf },
  ],
};

function roleOf(stored: string): ArrayRole | undefined {
  const name = stored.replace(PART, '.weight');
  if (!WEIGHT.test(name)) return undefined;
  const part = PART.exec(stored)?.[1];
  return part === undefined ? { role: 'weight', name } : partOf(name, part);
}

/** @throws SottoError as `readConfigFile` and `parseLyraConfig` */
export async function readConfig(dir: string): Promise<LyraConfig> {
  return parseLyraConfig(await readConfigFile(dir));
}

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys */
export function openCheckpoint(dir: string, config: LyraConfig): Promise<Checkpoint<LyraConfig>> {
  return openCodecCheckpoint(dir, config, {
    namings: LYRA_NAMINGS,
    integerPart: 'int8',
    isTransposed: () => false,
    combine,
  });
}

/** Of parts, a weight has both, and nothing else. */
function combine(_name: string, parts: ReadonlyMap<string, MxArray>): MxArray | undefined {
  const [integers, scales] = [parts.get('int8'), parts.get('scales')];
  if (!integers || !scales) return undefined;
  const [outputs = 0, ...rest] = integers.shape;
  if (scales.ndim !== 1 || scales.size !== outputs) {
    throw new RangeError(`has ${scales.size} scales for ${outputs} output channels`);
  }
  const factors = mx.reshape(mx.astype(scales, 'float32'), [outputs, ...rest.map(() => 1)]);
  return mx.multiply(mx.astype(integers, 'float32'), factors);
}
