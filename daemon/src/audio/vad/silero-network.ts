/**
 * The 16 kHz network of Silero VAD: magnitudes of a short-time Fourier transform, four convolutions, one LSTM cell and
 * a weighted sum. A frame is 512 samples and the 64 before it. Everything except the LSTM depends on its own frame
 * only and is computed here for many frames at once.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

export const CONTEXT_SAMPLES = 64;
export const UNITS = 128;
export const GATES = 4; // input, forget, cell, output, in this order

const WINDOW_SAMPLES = 256;
const HOP_SAMPLES = 128;
const BINS = WINDOW_SAMPLES / 2 + 1;

class LstmWeights extends nn.Module {
  Wx = nn.parameter([GATES * UNITS, UNITS]);
  Wh = nn.parameter([GATES * UNITS, UNITS]);
  bias = nn.parameter([GATES * UNITS]);
}

class OutputWeights extends nn.Module {
  weight = nn.parameter([1, UNITS]);
  bias = nn.parameter([1]);
}

export class SileroNetwork extends nn.Module {
  stft = new nn.Conv1d(1, 2 * BINS, WINDOW_SAMPLES, { stride: HOP_SAMPLES, bias: false });
  encoder = [
    new nn.Conv1d(BINS, 128, 3, { padding: 1 }),
    new nn.Conv1d(128, 64, 3, { padding: 1, stride: 2 }),
    new nn.Conv1d(64, 64, 3, { padding: 1, stride: 2 }),
    new nn.Conv1d(64, UNITS, 3, { padding: 1 }),
  ];
  lstm = new LstmWeights();
  output = new OutputWeights();

  /**
   * Input of each frame to the gates of the LSTM: `[frames, 4 · 128]`.
   * `frames` is `[frames, 640]`: context, samples, and 64 samples mirrored at the last one.
   */
  gates(frames: MxArray): MxArray {
    const [count = 0] = frames.shape;
    const spectrum = this.stft.forward(mx.reshape(frames, [count, -1, 1])); // [F, 4, 258]
    const [real, imaginary] = mx.split(spectrum, 2, -1) as [MxArray, MxArray];
    let x = mx.sqrt(mx.add(mx.square(real), mx.square(imaginary))); // [F, 4, 129]
    for (const layer of this.encoder) x = nn.relu(layer.forward(x)); // [F, 4, 128] → [F, 2, 64] → [F, 1, 64] → [F, 1, 128]
    return mx.addmm(this.lstm.bias, mx.reshape(x, [count, UNITS]), mx.transpose(this.lstm.Wx));
  }
}
