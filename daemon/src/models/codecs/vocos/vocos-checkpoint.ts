/** Array names of a Vocos checkpoint. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { SottoError } from '#daemon/protocol/errors.js';

import type { Checkpoint } from '../../checkpoint/checkpoint-network.js';
import type { ArrayRole, Naming } from '../../checkpoint/naming.js';
import { readConfigFile } from '../../config-file.js';
import { openCodecCheckpoint, type CodecForm } from '../codec-checkpoint.js';
import { parseVocosConfig, type VocosConfig } from './vocos-config.js';

const YAML = 'config.yaml';
const YAML_HINT =
  "write the same keys as config.json: python -c \"import json, yaml; json.dump(yaml.safe_load(open('config.yaml')), open('config.json', 'w'))\"";

const NETWORK = /^(?:backbone|head)\.|^feature_extractor\.codebook_weights$/;
/** Copies of Encodec, and what follows from the config. */
const IGNORED = /^feature_extractor\.(?:encodec|mel_spec)\./;

const roleOf = (stored: string): ArrayRole | undefined => {
  if (IGNORED.test(stored)) return { role: 'ignored' };
  return NETWORK.test(stored) ? { role: 'weight', name: stored } : undefined;
};
const recognizes = (names: ReadonlySet<string>): boolean => [...names].some((name) => NETWORK.test(name));

const vocosNaming: Naming = { layout: 'vocos', recognizes, roleOf };

export const VOCOS_FORM: CodecForm = {
  namings: { family: 'Vocos', schemes: [vocosNaming] },
  isTransposed: () => false,
};

/**
 * @throws SottoError as `readConfigFile` and `parseVocosConfig`; MODEL_UNSUPPORTED for a directory with config.yaml alone
 */
export async function readVocosConfig(dir: string): Promise<VocosConfig> {
  if (existsSync(join(dir, YAML)) && !existsSync(join(dir, 'config.json'))) {
    throw new SottoError('MODEL_UNSUPPORTED', `${join(dir, YAML)}: YAML is not read`, { hint: YAML_HINT });
  }
  return parseVocosConfig(await readConfigFile(dir));
}

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys */
export function openVocosCheckpoint(dir: string, config: VocosConfig): Promise<Checkpoint<VocosConfig>> {
  return openCodecCheckpoint(dir, config, VOCOS_FORM);
}
