/** Exports for launcher extensions, in addition to the client: paths, and the types of background dictation. */
export {
  isOver,
  type Capture,
  type CaptureOptions,
  type CapturePhase,
  type CaptureSwitch,
} from '../protocol/capture.js';
export { messageOf, SottoError } from '../protocol/errors.js';
export { resolvePaths, type Paths } from '../user-paths.js';
