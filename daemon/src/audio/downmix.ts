/** Mixes channels to their mean, as ffmpeg's `-ac 1` does for stereo. Returns mono unchanged. */
export function downmix(channels: readonly Float32Array[]): Float32Array {
  const [first, second] = channels;
  if (first === undefined) return new Float32Array(0);
  if (second === undefined) return first;
  const mono = new Float32Array(first.length);
  if (channels.length === 2) {
    for (let i = 0; i < mono.length; i++) mono[i] = ((first[i] as number) + (second[i] as number)) / 2;
    return mono;
  }
  const gain = 1 / channels.length;
  for (let i = 0; i < mono.length; i++) {
    let sum = 0;
    for (const channel of channels) sum += channel[i] ?? 0;
    mono[i] = sum * gain;
  }
  return mono;
}
