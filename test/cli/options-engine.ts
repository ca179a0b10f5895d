/** An engine whose first segment is its options as JSON. The second has words with times if they were requested. */
import { parseToEngine, type FromEngine } from '#daemon/protocol/ipc.js';
import type { Segment } from '#daemon/protocol/transcription.js';
import { scriptedSegment } from '#test/harness/fake-audio.js';
import { optionsOf } from '#test/harness/transcribe-work.js';

function send(message: FromEngine): void {
  if (process.connected) process.send?.(message);
}

const spoken: Segment = {
  ...scriptedSegment(1),
  text: ' Hear this.',
  words: [
    { start: 1, end: 1.5, word: ' Hear', probability: 0.9 },
    { start: 1.5, end: 2, word: ' this.', probability: 0.4 },
  ],
};

process.on('disconnect', () => process.exit(0));
process.on('message', (value) => {
  const message = parseToEngine(value);
  if (message.type === 'shutdown') process.exit(0);
  if (message.type === 'ping') send({ type: 'pong', figures: { rssBytes: 1, liveArrays: 0 } });
  if (message.type !== 'run') return;
  const { job } = message;
  const options = optionsOf(message);
  const { words: _words, ...wordless } = spoken;
  send({ type: 'opened', job, durationSeconds: 2 });
  const optionsSegment = { ...scriptedSegment(0), text: ` ${JSON.stringify(options)}` };
  send({ type: 'event', job, event: { type: 'segment', segment: optionsSegment } });
  const segment = options.wordTimestamps === true ? spoken : wordless;
  send({ type: 'event', job, event: { type: 'segment', segment } });
  const timings = { load: 0, mel: 0, encode: 0, decode: 0, total: 0 };
  send({ type: 'done', job, summary: { language: 'en', durationSeconds: 2, timings } });
});
send({ type: 'ready', device: 'telling' });
