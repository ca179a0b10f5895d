/** What a launcher's commands need beside the client itself: where to find a dictation in the background, and how it looks. */
export {
  isOver,
  type Capture,
  type CaptureOptions,
  type CapturePhase,
  type CaptureSwitch,
} from '../protocol/capture.js';
export { messageOf, SottoError } from '../protocol/errors.js';
export { resolvePaths, type Paths } from '../user-paths.js';
