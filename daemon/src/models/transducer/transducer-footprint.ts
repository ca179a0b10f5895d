/** Bytes of a transducer's networks. */
import type { StoredWeights } from '../checkpoint/weight-formats.js';
import { bytesOf, type Backend } from '../memory/backend.js';
import { linearMatrix, type Matrix, PANEL } from '../memory/matrix-bytes.js';
import type { TransducerConfig } from './transducer-network.js';

const FLOAT32 = 4;

/** Of the embedding and the joint. */
export function transducerMatrices({
  encoderDims,
  tokens,
  predictionDims,
  jointDims,
  durations,
}: TransducerConfig): Matrix[] {
  return [
    linearMatrix('decoder.prediction.embed', tokens + 1, predictionDims, false),
    linearMatrix('joint.enc', jointDims, encoderDims, true),
    linearMatrix('joint.pred', jointDims, predictionDims, true),
    linearMatrix('joint.joint_net.2', tokens + 1 + durations.length, jointDims, true),
  ];
}

/** Of the recurrent layers, which are never quantized. Our kernels keep their matrices as stored. */
export function recurrentBytes(
  { predictionDims: units, predictionLayers }: TransducerConfig,
  stored: StoredWeights,
  backend: Backend,
): number {
  const gates = 4 * units;
  const rows = backend === 'kernels' ? Math.ceil(gates / PANEL) * PANEL : gates;
  const widthOf = (name: string): number => (backend === 'cpu' ? FLOAT32 : bytesOf(stored.dtypeOf(name)));
  const bytes = (at: string): number => {
    const matrices = rows * units * (widthOf(`${at}.Wx`) + widthOf(`${at}.Wh`));
    return matrices + gates * (backend === 'gpu' ? widthOf(`${at}.bias`) : FLOAT32);
  };
  const layers = Array.from({ length: predictionLayers }, (_, i) =>
    bytes(`decoder.prediction.dec_rnn.lstm.${i}`),
  );
  return layers.reduce((sum, one) => sum + one, 0);
}
