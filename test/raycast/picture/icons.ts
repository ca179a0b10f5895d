/**
 * Icons on a grid of 16 × 16 in Raycast's style: thin round strokes. Keys are the values of the API's enumeration without the
 * suffix `-16`. A missing icon is drawn as a ring.
 */
import { Markup } from './markup.js';

const RING = '<circle cx="8" cy="8" r="5.75"/>';
const PAGE = '<path d="M4.25 2.25h4.5l3 3v8.5h-7.5z"/><path d="M8.75 2.25v3h3"/>';
const CLOCK_HANDS = '<path d="M8 4.75V8l2.25 1.5"/>';
const TRAY = '<path d="M2.75 10v3.25h10.5V10"/>';
const LENS = '<circle cx="7" cy="7" r="4.25"/><path d="m10.25 10.25 3.5 3.5"/>';
const CHIP =
  '<rect x="4.25" y="4.25" width="7.5" height="7.5" rx="1.5"/><path d="M6.5 2v2M9.5 2v2M6.5 12v2M9.5 12v2M2 6.5h2M2 9.5h2M12 6.5h2M12 9.5h2"/>';

/** Content of the `<svg>`. */
const ICON_PATHS: Readonly<Record<string, string>> = {
  'add-person': '<circle cx="6.5" cy="5" r="2.5"/><path d="M2 13.5a4.5 4.5 0 0 1 9 0M12.5 5v4M10.5 7h4"/>',
  'arrow-clockwise': '<path d="M13 8a5 5 0 1 1-1.6-3.7"/><path d="M13.25 2v3h-3"/>',
  'arrow-counter-clockwise': '<path d="M3 8a5 5 0 1 0 1.6-3.7"/><path d="M2.75 2v3h3"/>',
  'arrow-down-circle': `${RING}<path d="M8 5.25v5.5M5.75 8.5 8 10.75 10.25 8.5"/>`,
  'arrow-right': '<path d="M3 8h10M9 4l4 4-4 4"/>',
  'arrow-left': '<path d="M13 8H3M7 4 3 8l4 4"/>',
  'arrow-up': '<path d="M8 13V3M4 7l4-4 4 4"/>',
  'arrow-down': '<path d="M8 3v10M4 9l4 4 4-4"/>',
  'arrow-up-circle': `${RING}<path d="M8 10.75v-5.5M5.75 7.5 8 5.25l2.25 2.25"/>`,
  'app-window':
    '<rect x="2" y="2.75" width="12" height="10.5" rx="1.5"/><path d="M2 5.75h12M4 4.25h.1M5.75 4.25h.1"/>',
  'app-window-sidebar-right':
    '<rect x="2" y="2.75" width="12" height="10.5" rx="1.5"/><path d="M9.75 2.75v10.5"/>',
  fingerprint:
    '<path d="M4 5.5a4.75 4.75 0 0 1 8.5 2.75c0 1.5 0 2.5-.25 3.75M3.5 8.25c0 2 0 2.75-.5 4M5.75 13.5c.5-1.5.5-3.25.5-5.25a1.75 1.75 0 0 1 3.5 0c0 2.25 0 3.5-.5 5.5"/>',
  hourglass:
    '<path d="M4 2.25h8M4 13.75h8M4.75 2.25c0 3 6.5 3.5 6.5 5.75s-6.5 2.75-6.5 5.75M11.25 2.25c0 3-6.5 3.5-6.5 5.75s6.5 2.75 6.5 5.75"/>',
  'rotate-clockwise': '<path d="M13 8a5 5 0 1 1-1.6-3.7"/><path d="M13.25 2v3h-3"/>',
  'speaker-high':
    '<path d="M2.25 6v4H5l3.5 3V3L5 6zM11 5.75a3.25 3.25 0 0 1 0 4.5M12.75 3.75a6 6 0 0 1 0 8.5"/>',
  bolt: '<path d="M9 1.75 3.5 9H8l-1 5.25L12.5 7H8z"/>',
  book: '<path d="M3.25 3.25c2-.75 3.5-.5 4.75.5v9.5c-1.25-1-2.75-1.25-4.75-.5zM12.75 3.25c-2-.75-3.5-.5-4.75.5v9.5c1.25-1 2.75-1.25 4.75-.5z"/>',
  box: '<path d="M2.5 5 8 2.25 13.5 5v6L8 13.75 2.5 11z"/><path d="M2.5 5 8 7.75 13.5 5M8 7.75v6"/>',
  check: '<path d="m3 8.5 3.25 3.25L13 5"/>',
  'check-circle': `${RING}<path d="M5.5 8.25 7.25 10l3.25-3.75"/>`,
  checkmark: '<path d="m3 8.5 3.25 3.25L13 5"/>',
  'chevron-right': '<path d="m6 3.5 4.5 4.5L6 12.5"/>',
  'chevron-down': '<path d="m3.5 6 4.5 4.5L12.5 6"/>',
  'chevron-up-small': '<path d="m5 9.5 3-3 3 3"/>',
  circle: RING,
  'circle-disabled': `${RING}<path d="m4 12 8-8"/>`,
  'circle-filled': '<circle cx="8" cy="8" r="5" fill="currentColor"/>',
  'circle-progress': `${RING}<path d="M8 8V2.25A5.75 5.75 0 0 1 13.75 8z" fill="currentColor"/>`,
  'circle-progress-25': `${RING}<path d="M8 8V2.25A5.75 5.75 0 0 1 13.75 8z" fill="currentColor"/>`,
  'circle-progress-50': `${RING}<path d="M8 2.25a5.75 5.75 0 0 1 0 11.5z" fill="currentColor"/>`,
  'circle-progress-75': `${RING}<path d="M8 2.25A5.75 5.75 0 1 1 2.25 8H8z" fill="currentColor"/>`,
  'circle-progress-100': '<circle cx="8" cy="8" r="5.75" fill="currentColor"/>',
  'computer-chip': CHIP,
  'copy-clipboard':
    '<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 5.5V4A1.5 1.5 0 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5"/>',
  clock: `${RING}${CLOCK_HANDS}`,
  desktop: '<rect x="2" y="2.75" width="12" height="8" rx="1.5"/><path d="M5.5 13.5h5M8 10.75v2.75"/>',
  'blank-document': PAGE,
  download: `${TRAY}<path d="M8 2.25v7.5M5 7l3 3 3-3"/>`,
  upload: `${TRAY}<path d="M8 10V2.5M5 5.25l3-3 3 3"/>`,
  duplicate:
    '<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 5.5V4A1.5 1.5 0 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5"/>',
  ellipsis:
    '<g fill="currentColor" stroke="none"><circle cx="3.5" cy="8" r="1.1"/><circle cx="8" cy="8" r="1.1"/><circle cx="12.5" cy="8" r="1.1"/></g>',
  eject: '<path d="m8 3 5 6H3zM3 12.5h10"/>',
  envelope: '<rect x="2" y="3.5" width="12" height="9" rx="1.5"/><path d="m2.5 5 5.5 4 5.5-4"/>',
  'important-01': `${RING}<path d="M8 5v3.5M8 10.9v.1"/>`,
  eye: '<path d="M1.5 8S4 3.75 8 3.75 14.5 8 14.5 8 12 12.25 8 12.25 1.5 8 1.5 8z"/><circle cx="8" cy="8" r="1.75"/>',
  finder:
    '<rect x="2.25" y="2.25" width="11.5" height="11.5" rx="2.5"/><path d="M8.75 2.5C7.5 5 7.5 7 7.5 8.5H9c0 2 .25 3.5.75 5M5 5.5v1M11 5.5v1M4.75 10.5c1.75 1.5 4.75 1.5 6.5 0"/>',
  folder:
    '<path d="M2 4.25c0-.7.55-1.25 1.25-1.25H6l1.5 1.75h5.25c.7 0 1.25.55 1.25 1.25v5.75c0 .7-.55 1.25-1.25 1.25h-9.5C2.55 13 2 12.45 2 11.75z"/>',
  cog: '<circle cx="8" cy="8" r="2"/><path d="M8 1.75v1.75M8 12.5v1.75M14.25 8H12.5M3.5 8H1.75M12.4 3.6l-1.2 1.2M4.8 11.2l-1.2 1.2M12.4 12.4l-1.2-1.2M4.8 4.8 3.6 3.6"/>',
  'globe-01': `${RING}<path d="M2.5 8h11M8 2.25c4 3.5 4 8 0 11.5-4-3.5-4-8 0-11.5z"/>`,
  'hard-drive': '<path d="M2.25 9 4.5 3.25h7L13.75 9v3.75H2.25zM2.25 9h11.5M10.75 11h.5"/>',
  heart:
    '<path d="M8 13.25S2.25 9.75 2.25 6A2.9 2.9 0 0 1 8 5a2.9 2.9 0 0 1 5.75 1C13.75 9.75 8 13.25 8 13.25z"/>',
  heartbeat: '<path d="M1.5 8.5h3L6.25 4l3 8.5 1.75-4h3.5"/>',
  'info-01': `${RING}<path d="M8 7.5V11M8 5v.1"/>`,
  key: '<circle cx="5" cy="8" r="2.75"/><path d="M7.75 8h6v2.5M11 8v2"/>',
  keyboard:
    '<rect x="1.75" y="4" width="12.5" height="8" rx="1.5"/><path d="M4.25 6.75h.1M6.75 6.75h.1M9.25 6.75h.1M11.75 6.75h.1M5 9.5h6"/>',
  link: '<path d="M6.75 9.25a2.75 2.75 0 0 0 4 .25l2-2a2.8 2.8 0 0 0-4-4l-1 1M9.25 6.75a2.75 2.75 0 0 0-4-.25l-2 2a2.8 2.8 0 0 0 4 4l1-1"/>',
  'app-window-list': '<path d="M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.1M2.5 8h.1M2.5 12h.1"/>',
  lock: '<rect x="3.5" y="7" width="9" height="6.75" rx="1.5"/><path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2"/>',
  'magnifying-glass': LENS,
  'memory-stick':
    '<path d="M2 5h12v6H2zM4.75 11v1.5M8 11v1.5M11.25 11v1.5M5 7.25v1.5M8 7.25v1.5M11 7.25v1.5"/>',
  microphone:
    '<rect x="5.75" y="1.75" width="4.5" height="7.5" rx="2.25"/><path d="M3.25 7.25a4.75 4.75 0 0 0 9.5 0M8 12v2.25"/>',
  'microphone-disabled':
    '<rect x="5.75" y="1.75" width="4.5" height="7.5" rx="2.25"/><path d="M3.25 7.25a4.75 4.75 0 0 0 9.5 0M8 12v2.25M2.5 2.5l11 11"/>',
  minus: '<path d="M3 8h10"/>',
  'minus-circle': `${RING}<path d="M5.5 8h5"/>`,
  paperclip: '<path d="m13 7.5-5.25 5.25a3.2 3.2 0 0 1-4.5-4.5l5.5-5.5a2.1 2.1 0 0 1 3 3L6.5 11"/>',
  pause: '<path d="M5.5 3.5v9M10.5 3.5v9"/>',
  'pause-filled': '<path d="M5.25 3.5v9M10.75 3.5v9" stroke-width="2.5"/>',
  pencil: '<path d="m10.75 2.75 2.5 2.5-7.5 7.5-3.25.75.75-3.25z"/>',
  person: '<circle cx="8" cy="5" r="2.75"/><path d="M2.75 13.75a5.25 5.25 0 0 1 10.5 0"/>',
  pin: '<path d="M6 2.25h4l-.5 4 2.25 2.5h-7.5l2.25-2.5zM8 8.75v5"/>',
  play: '<path d="M4.5 2.75v10.5L13 8z"/>',
  'play-filled': '<path d="M4.5 2.75v10.5L13 8z" fill="currentColor"/>',
  plug: '<path d="M5 2v3M11 2v3M3.5 5h9v2.5a4.5 4.5 0 0 1-9 0zM8 12v2.5"/>',
  plus: '<path d="M8 3v10M3 8h10"/>',
  'plus-circle': `${RING}<path d="M8 5.5v5M5.5 8h5"/>`,
  power: '<path d="M8 1.75V7M11.5 3.75a5.25 5.25 0 1 1-7 0"/>',
  'question-mark-circle': `${RING}<path d="M6.25 6.25a1.75 1.75 0 1 1 2.5 1.6c-.5.25-.75.5-.75 1.15M8 11v.1"/>`,
  'quote-block': '<path d="M2.5 3v10M5.5 4.5h8M5.5 8h8M5.5 11.5h5"/>',
  'quotation-marks':
    '<path d="M3 10.5V7c0-2 1-3 2.75-3M3 7.5h3v3H3M9.5 10.5V7c0-2 1-3 2.75-3M9.5 7.5h3v3h-3"/>',
  repeat:
    '<path d="M2.5 7V6A2.5 2.5 0 0 1 5 3.5h8M11 1.5l2 2-2 2M13.5 9v1a2.5 2.5 0 0 1-2.5 2.5H3M5 14.5l-2-2 2-2"/>',
  rocket:
    '<path d="M9.5 10.5 5.5 6.5C7 3.5 9.5 2 13.75 2.25 14 6.5 12.5 9 9.5 10.5zM5.5 6.5H3l-1 2h2.5M9.5 10.5V13l-2 1v-2.5M3.5 12.5l1-1"/>',
  'save-document':
    '<path d="M2.75 4c0-.7.55-1.25 1.25-1.25h6.5l2.75 2.75V12c0 .7-.55 1.25-1.25 1.25H4c-.7 0-1.25-.55-1.25-1.25z"/><path d="M5.25 13v-4h5.5v4M5.5 2.75v2.5h4"/>',
  'speaker-on':
    '<path d="M2.25 6v4H5l3.5 3V3L5 6zM11 5.75a3.25 3.25 0 0 1 0 4.5M12.75 3.75a6 6 0 0 1 0 8.5"/>',
  'speaker-off': '<path d="M2.25 6v4H5l3.5 3V3L5 6zM11 6l3.5 4M14.5 6 11 10"/>',
  'speaker-up': '<path d="M2.25 6v4H5l3.5 3V3L5 6zM11 8h3.5M12.75 6.25v3.5"/>',
  'speech-bubble':
    '<path d="M3.5 2.75h9c.8 0 1.5.7 1.5 1.5v5.5c0 .8-.7 1.5-1.5 1.5H8l-3.25 2.5v-2.5H3.5c-.8 0-1.5-.7-1.5-1.5v-5.5c0-.8.7-1.5 1.5-1.5z"/>',
  'speech-bubble-active':
    '<path d="M3.5 2.75h9c.8 0 1.5.7 1.5 1.5v5.5c0 .8-.7 1.5-1.5 1.5H8l-3.25 2.5v-2.5H3.5c-.8 0-1.5-.7-1.5-1.5v-5.5c0-.8.7-1.5 1.5-1.5z"/><path d="M5.5 7h.1M8 7h.1M10.5 7h.1"/>',
  star: '<path d="m8 2 1.85 3.75L14 6.35l-3 2.9.7 4.1L8 11.4l-3.7 1.95.7-4.1-3-2.9 4.15-.6z"/>',
  'star-circle': `${RING}<path d="m8 4.75 1 2.1 2.25.3-1.65 1.6.4 2.25-2-1.1-2 1.1.4-2.25-1.65-1.6L7 6.85z"/>`,
  stars: '<path d="M6.5 2.5 8 6.5l4 1.5-4 1.5-1.5 4L5 9.5 1 8l4-1.5zM12.5 2v3M11 3.5h3"/>',
  stop: '<rect x="3.25" y="3.25" width="9.5" height="9.5" rx="1.5"/>',
  'stop-filled': '<rect x="3.25" y="3.25" width="9.5" height="9.5" rx="1.5" fill="currentColor"/>',
  stopwatch: '<circle cx="8" cy="9" r="4.75"/><path d="M8 6.5V9M6.5 1.75h3M8 1.75v2.5"/>',
  switch: '<path d="M2.5 5.5h10M10 3l2.5 2.5L10 8M13.5 10.5h-10M6 8l-2.5 2.5L6 13"/>',
  tag: '<path d="M2.5 2.5h5l6 6-5 5-6-6z"/><path d="M5.25 5.25h.1"/>',
  terminal:
    '<rect x="1.75" y="2.75" width="12.5" height="10.5" rx="1.5"/><path d="m4.5 6 2 2-2 2M8.5 10h3"/>',
  text: '<path d="M3 4.5V3h10v1.5M8 3v10M6 13h4"/>',
  'text-cursor':
    '<path d="M8 3.5v9M5.5 2.25c1.5 0 2.5.5 2.5 1.5 0-1 1-1.5 2.5-1.5M5.5 13.75c1.5 0 2.5-.5 2.5-1.5 0 1 1 1.5 2.5 1.5"/>',
  'text-input': '<rect x="1.75" y="4" width="12.5" height="8" rx="1.5"/><path d="M4.5 6.25v3.5"/>',
  'text-selection':
    '<path d="M4 2.5h-1.5v1.5M12 2.5h1.5v1.5M4 13.5h-1.5v-1.5M12 13.5h1.5v-1.5M5.5 5.5h5M8 5.5v5"/>',
  trash: '<path d="M2.75 4.25h10.5M6 4V2.5h4V4M4 4.25l.6 9h6.8l.6-9M6.5 6.75v4M9.5 6.75v4"/>',
  undo: '<path d="M5.5 3 2.5 6l3 3M2.75 6h6.5a3.5 3.5 0 0 1 0 7H6"/>',
  redo: '<path d="m10.5 3 3 3-3 3M13.25 6h-6.5a3.5 3.5 0 0 0 0 7H10"/>',
  warning: '<path d="M8 2.5 14.25 13.25H1.75z"/><path d="M8 6.5V9.5M8 11.4v.1"/>',
  waveform: '<path d="M2 6.75v2.5M5 4.5v7M8 2.25v11.5M11 5v6M14 6.75v2.5"/>',
  'light-bulb': '<path d="M6 11.25c0-1.5-2-2.25-2-4.75a4 4 0 0 1 8 0c0 2.5-2 3.25-2 4.75zM6.5 13.75h3"/>',
  'bar-chart': '<path d="M3 13V8.5M8 13V3M13 13V6"/>',
  'blank-document-audio': `${PAGE}<path d="M6.25 9.5v1M8 8v4M9.75 9v2"/>`,
  code: '<path d="m5 4.5-3.5 3.5L5 11.5M11 4.5l3.5 3.5-3.5 3.5"/>',
  dot: '<circle cx="8" cy="8" r="2.5" fill="currentColor"/>',
  replace:
    '<path d="M2.5 2.5h4v4h-4zM9.5 9.5h4v4h-4zM9.5 4.5h2A1.5 1.5 0 0 1 13 6v1.5M6.5 11.5h-2A1.5 1.5 0 0 1 3 10V8.5"/>',
  'wrench-screwdriver':
    '<path d="M13.5 4.25a3 3 0 0 1-4 3.75l-5 5.25-1.75-1.75L8 6.5a3 3 0 0 1 3.75-4L10 4.25 11.75 6z"/>',
  'x-mark-circle-filled':
    '<circle cx="8" cy="8" r="5.75" fill="currentColor"/><path d="m6 6 4 4M10 6l-4 4" stroke="#232128"/>',
  'x-mark-circle': `${RING}<path d="m6 6 4 4M10 6l-4 4"/>`,
};

/** Names of requested icons that are not in ICON_PATHS. */
export const missingIcons = new Set<string>();

export function isIconName(text: string): boolean {
  return /^[a-z0-9-]+-16$/.test(text);
}

/** @param name a value of the API, such as `microphone-16` */
export function iconNamed(name: string): Markup {
  const key = name.replace(/-16$/, '');
  const iconPath = ICON_PATHS[key];
  if (iconPath === undefined) missingIcons.add(key);
  return new Markup(
    `<svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.3" stroke-linecap="round" stroke-linejoin="round">${iconPath ?? RING}</svg>`,
  );
}
