/* global document, window, requestAnimationFrame, cancelAnimationFrame, matchMedia, getComputedStyle, ResizeObserver,
   OfflineAudioContext, Blob, atob, devicePixelRatio */
// The script of the page: plays audio, highlights the current word, draws the waveform. It never uses the network.
(() => {
  'use strict';
  const $ = (id) => document.getElementById(id);
  const audio = $('audio');
  const transcript = $('transcript');
  const canvas = $('canvas');
  const wave = $('wave');
  const timed = (element) => ({ element, start: +element.dataset.s / 1000, end: +element.dataset.e / 1000 });
  const rows = [...transcript.querySelectorAll('.row')].map(timed);
  const words = [...transcript.querySelectorAll('.w')].map(timed);
  const length = () =>
    (Number.isFinite(audio.duration) && audio.duration) || +transcript.dataset.duration / 1000;

  // ---- audio -----------------------------------------------------------------------------------------------------

  /** Decoding longer audio for the waveform would take too much memory. */
  const MAX_WAVEFORM_SECONDS = 2 * 3600;
  /** Hz: enough for the envelope of speech, and the lowest rate that every browser resamples to. */
  const WAVEFORM_RATE = 8000;
  let peaks;

  const source = audio.getAttribute('src') ?? '';
  if (source.startsWith('data:')) {
    const comma = source.indexOf(',');
    const bytes = Uint8Array.from(atob(source.slice(comma + 1)), (letter) => letter.charCodeAt(0));
    // Some browsers can't seek in a data URL, but all can in a blob.
    audio.src = URL.createObjectURL(new Blob([bytes], { type: source.slice(5, source.indexOf(';')) }));
    void readPeaks(bytes.buffer);
  } else if (source === '') showPicker('This page has no audio.');
  audio.addEventListener('error', () => showPicker('This page can’t play the audio.'));
  if (source !== '' && !source.startsWith('data:')) {
    showPicker('The audio file is next to this page. Choose it to see its waveform.');
  }

  function showPicker(why) {
    $('notice').textContent = why;
    $('notice').hidden = false;
    $('picker').hidden = false;
  }

  $('file').addEventListener('change', async () => {
    const file = $('file').files[0];
    if (file === undefined) return;
    $('notice').hidden = true;
    audio.src = URL.createObjectURL(file);
    await readPeaks(await file.arrayBuffer());
  });

  async function readPeaks(buffer) {
    try {
      if (length() > MAX_WAVEFORM_SECONDS) return;
      const decoded = await new OfflineAudioContext(1, 1, WAVEFORM_RATE).decodeAudioData(buffer);
      const count = Math.max(1, Math.min(4000, Math.round(decoded.duration * 50)));
      peaks = new Float32Array(count);
      for (let c = 0; c < decoded.numberOfChannels; c++) {
        const samples = decoded.getChannelData(c);
        for (let i = 0; i < samples.length; i++) {
          const at = Math.min(count - 1, Math.floor((i * count) / samples.length));
          const value = Math.abs(samples[i]);
          if (value > peaks[at]) peaks[at] = value;
        }
      }
      const loudest = peaks.reduce((a, b) => Math.max(a, b), 0.001);
      // The square root makes quiet speech visible.
      peaks = peaks.map((value) => Math.sqrt(value / loudest));
      wave.dataset.peaks = String(count);
    } catch {
      wave.dataset.peaks = 'none';
    }
    draw();
  }

  // ---- waveform --------------------------------------------------------------------------------------------------

  function draw() {
    const { width, height } = canvas.getBoundingClientRect();
    const scale = devicePixelRatio || 1;
    if (width === 0) return;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const pen = canvas.getContext('2d');
    pen.scale(scale, scale);
    const colors = getComputedStyle(document.documentElement);
    const quiet = colors.getPropertyValue('--wave');
    const bright = colors.getPropertyValue('--accent');
    const played = (audio.currentTime / (length() || 1)) * width;
    const step = 4;
    for (let x = 0; x < width - 1; x += step) {
      const bar = Math.max(2, loudness(x / width, Math.min(1, (x + step) / width)) * (height - 4));
      pen.fillStyle = x + 1 <= played ? bright : quiet;
      pen.beginPath();
      pen.roundRect(x, (height - bar) / 2, 2.5, bar, 1.25);
      pen.fill();
    }
    pen.fillStyle = bright;
    pen.fillRect(Math.min(width - 1.5, Math.max(0, played - 0.75)), 0, 1.5, height);
  }

  /** Peak level of a range, 0…1. Before the audio is decoded: a fixed level where there is speech. */
  function loudness(from, to) {
    if (peaks === undefined) {
      const [a, b] = [from * length(), to * length()];
      return rows.some((row) => row.start < b && row.end > a) ? 0.3 : 0;
    }
    let loudest = 0;
    const last = Math.max(Math.floor(from * peaks.length) + 1, Math.floor(to * peaks.length));
    for (let i = Math.floor(from * peaks.length); i < last && i < peaks.length; i++) {
      loudest = Math.max(loudest, peaks[i]);
    }
    return loudest;
  }

  // ---- current word ----------------------------------------------------------------------------------------------

  let frame = 0;
  let litWord;
  let litRow;
  /** Nothing is highlighted before the first play or seek. */
  let hasStarted = false;
  /** After the reader scrolls, the page does not scroll by itself for a while. */
  let readingUntil = 0;
  for (const gesture of ['wheel', 'touchmove']) {
    window.addEventListener(gesture, () => (readingUntil = Date.now() + 4000), { passive: true });
  }

  /** The last element of the list that has started, if it has not ended. */
  function at(list, time) {
    const index = lastStartedIndex(list, time);
    return index >= 0 && time < list[index].end ? list[index] : undefined;
  }

  function lastStartedIndex(list, time) {
    let [low, high] = [0, list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      // A seek may land slightly before the clicked word.
      if (list[middle].start <= time + 0.002) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  function highlight(before, now) {
    if (before === now) return now;
    before?.element.classList.remove('now');
    before?.element.removeAttribute('aria-current');
    now?.element.classList.add('now');
    now?.element.setAttribute('aria-current', 'true');
    return now;
  }

  function keepInView(element) {
    const { top, bottom } = element.getBoundingClientRect();
    const below = document.querySelector('.player').getBoundingClientRect().bottom;
    if (top > below + 8 && bottom < window.innerHeight - 60) return;
    const isMotionReduced = matchMedia('(prefers-reduced-motion: reduce)').matches;
    element.scrollIntoView({ block: 'center', behavior: isMotionReduced ? 'auto' : 'smooth' });
  }

  function clock(seconds) {
    const whole = Math.floor(seconds);
    const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const pad = (value) => String(value).padStart(2, '0');
    return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
  }

  function update() {
    const time = audio.currentTime;
    const lastRow = litRow;
    litRow = highlight(litRow, hasStarted ? at(rows, time) : undefined);
    litWord = highlight(litWord, hasStarted ? at(words, time) : undefined);
    if (litRow !== undefined && litRow !== lastRow && Date.now() > readingUntil) keepInView(litRow.element);
    $('now').textContent = clock(time);
    wave.setAttribute('aria-valuenow', String(Math.round(time)));
    wave.setAttribute('aria-valuetext', `${clock(time)} of ${clock(length())}`);
    draw();
  }

  function tick() {
    update();
    frame = requestAnimationFrame(tick);
  }

  function seek(time) {
    hasStarted = true;
    readingUntil = 0;
    audio.currentTime = Math.min(Math.max(0, time), length());
    update();
  }

  function toggle() {
    if (audio.paused) audio.play().catch(() => showPicker('This page can’t play the audio.'));
    else audio.pause();
  }

  audio.addEventListener('play', () => {
    hasStarted = true;
    document.body.classList.add('playing');
    $('play').setAttribute('aria-label', 'Pause');
    cancelAnimationFrame(frame);
    tick();
  });
  audio.addEventListener('pause', () => {
    document.body.classList.remove('playing');
    $('play').setAttribute('aria-label', 'Play');
    cancelAnimationFrame(frame);
    update();
  });
  for (const event of ['seeked', 'loadedmetadata']) audio.addEventListener(event, update);

  // ---- controls --------------------------------------------------------------------------------------------------

  $('play').addEventListener('click', toggle);

  const speeds = [1, 1.25, 1.5, 2, 0.75];
  $('speed').addEventListener('click', () => {
    const speed = speeds[(speeds.indexOf(audio.playbackRate) + 1) % speeds.length];
    audio.playbackRate = speed;
    audio.defaultPlaybackRate = speed;
    $('speed').textContent = `${speed}×`;
    $('speed').setAttribute('aria-label', `Speed: ${speed} times`);
  });

  const fromPointer = ({ clientX }) => {
    const { left, width } = wave.getBoundingClientRect();
    seek(((clientX - left) / width) * length());
  };
  wave.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    wave.setPointerCapture(event.pointerId);
    fromPointer(event);
  });
  wave.addEventListener('pointermove', (event) => {
    if (wave.hasPointerCapture(event.pointerId)) fromPointer(event);
  });

  transcript.addEventListener('click', ({ target }) => {
    // Selected text is copied, not played.
    if (!window.getSelection().isCollapsed) return;
    const word = target.closest('.w');
    const start = (word ?? target.closest('.at')?.parentElement)?.dataset.s;
    if (start !== undefined) seek(+start / 1000);
    if (start !== undefined && word === null && audio.paused) toggle();
  });
  transcript.addEventListener('pointerover', ({ target }) => {
    const word = target.closest('.w');
    if (word !== null && word.title === '')
      word.title = `${clock(+word.dataset.s / 1000)}, ${word.dataset.p}% confidence`;
  });

  $('shading').addEventListener('change', () => {
    transcript.classList.toggle('plain', !$('shading').checked);
  });

  /** Jumps to the next or previous element; just after the start of one, back means the one before it. */
  function jump(list, by) {
    const index = lastStartedIndex(list, audio.currentTime - (by < 0 ? 0.3 : 0));
    const target = list[Math.min(list.length - 1, Math.max(0, by < 0 ? index : index + 1))];
    if (target !== undefined) seek(target.start);
  }

  const keys = {
    ' ': toggle,
    ArrowLeft: (event) => (event.shiftKey ? jump(words, -1) : seek(audio.currentTime - 5)),
    ArrowRight: (event) => (event.shiftKey ? jump(words, 1) : seek(audio.currentTime + 5)),
    ArrowUp: () => jump(rows, -1),
    ArrowDown: () => jump(rows, 1),
    Home: () => seek(0),
    End: () => seek(length()),
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, audio')) return;
    // A focused button handles the space key itself.
    if (event.key === ' ' && event.target.closest('button')) return;
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
    if (act === undefined) return;
    event.preventDefault();
    act(event);
  });

  // ---- start -----------------------------------------------------------------------------------------------------

  audio.controls = false;
  audio.hidden = true;
  $('deck').hidden = false;
  new ResizeObserver(draw).observe(wave);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  update();
})();
