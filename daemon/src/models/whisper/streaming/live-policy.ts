/** Which commit policy a model is heard with. Chosen by measurement (../../README.md). */
import { agreementAndAlignAtt, type CommitPolicy } from '../../streaming/policy.js';
import type { WhisperConfig } from '../config.js';

export function livePolicy(_config: WhisperConfig): CommitPolicy {
  return agreementAndAlignAtt(15);
}
