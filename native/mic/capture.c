#include "capture.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* 43 s at 48 kHz: longer than any stall of the reader that a dictation survives. Unused pages cost nothing. */
enum { RING_SAMPLES = 1 << 21 };
/* Wakes the reader per 32 ms of audio, the rate at which the level meter moves. */
enum { PIECES_PER_SECOND = 31 };
/* Period of the device. Short, so that the first sample arrives early. */
enum { PERIOD_MS = 10 };

static ma_context *context;
static ma_device device;
static ma_pcm_rb ring;
static int wake_fd;
static int is_open;
static atomic_int is_closing, events, is_awake;
static atomic_ullong dropped, arrived, calls;

static void wake(void) {
  /* A full pipe also wakes the reader. */
  const ssize_t ignored = write(wake_fd, "", 1);
  (void)ignored;
}

static void note(int event) {
  atomic_fetch_or(&events, event);
  wake();
}

static void on_audio(ma_device *from, void *playback, const void *recorded, ma_uint32 count) {
  const int16_t *samples = recorded;
  ma_uint32 left = count;
  (void)playback;
  atomic_fetch_add(&arrived, count);
  atomic_fetch_add(&calls, 1);
  for (ma_uint32 i = 0; i < count && !atomic_load_explicit(&is_awake, memory_order_relaxed); i++) {
    if (samples[i] != 0) atomic_store(&is_awake, 1);
  }
  /* After a drop, drop everything until it is reported, so that the gap has one known position. */
  while (left > 0 && atomic_load(&dropped) == 0) {
    ma_uint32 room = left;
    void *to;
    if (ma_pcm_rb_acquire_write(&ring, &room, &to) != MA_SUCCESS || room == 0) break;
    memcpy(to, samples, room * sizeof(int16_t));
    ma_pcm_rb_commit_write(&ring, room);
    samples += room;
    left -= room;
  }
  if (left > 0) atomic_fetch_add(&dropped, left);
  if (left > 0 || ma_pcm_rb_available_read(&ring) >= from->sampleRate / PIECES_PER_SECOND) wake();
}

static void on_notification(const ma_device_notification *notification) {
  switch (notification->type) {
    case ma_device_notification_type_stopped:
      if (!atomic_load(&is_closing)) note(CAPTURE_LOST);
      break;
    case ma_device_notification_type_rerouted:
      note(CAPTURE_REROUTED);
      break;
    case ma_device_notification_type_started:
    case ma_device_notification_type_interruption_began:
    case ma_device_notification_type_interruption_ended:
    case ma_device_notification_type_unlocked:
      break;
  }
}

ma_result capture_init(ma_context *of, int wake_with) {
  context = of;
  wake_fd = wake_with;
  return ma_pcm_rb_init(ma_format_s16, 1, RING_SAMPLES, NULL, NULL, &ring);
}

ma_result capture_open(const ma_device_id *id) {
  ma_device_config config = ma_device_config_init(ma_device_type_capture);
  config.capture.pDeviceID = id;
  config.capture.format = ma_format_s16;
  config.capture.channels = 1;
  /* The device's native rate: Sotto's resampler suppresses the aliasing that miniaudio's would add. */
  config.sampleRate = 0;
  config.periodSizeInMilliseconds = PERIOD_MS;
  config.noFixedSizedCallback = MA_TRUE;
  config.dataCallback = on_audio;
  config.notificationCallback = on_notification;
  config.pulse.pStreamNameCapture = "Sotto";
  atomic_store(&is_closing, 0);
  atomic_store(&events, 0);
  atomic_store(&is_awake, 0);
  atomic_store(&dropped, 0);
  atomic_store(&arrived, 0);
  ma_pcm_rb_reset(&ring);
  ma_result result = ma_device_init(context, &config, &device);
  if (result != MA_SUCCESS) return result;
  result = ma_device_start(&device);
  if (result != MA_SUCCESS) {
    ma_device_uninit(&device);
    return result;
  }
  is_open = 1;
  return MA_SUCCESS;
}

void capture_close(void) {
  if (!is_open) return;
  atomic_store(&is_closing, 1);
  ma_device_uninit(&device);
  is_open = 0;
}

int capture_is_open(void) { return is_open; }

uint32_t capture_rate(void) { return device.sampleRate; }

void capture_name(char *name, size_t capacity) {
  if (ma_device_get_name(&device, ma_device_type_capture, name, capacity, NULL) != MA_SUCCESS) name[0] = '\0';
}

uint32_t capture_available(void) { return ma_pcm_rb_available_read(&ring); }

const int16_t *capture_read(uint32_t *count) {
  void *from = NULL;
  ma_uint32 size = *count;
  *count = ma_pcm_rb_acquire_read(&ring, &size, &from) == MA_SUCCESS ? size : 0;
  return from;
}

void capture_release(uint32_t count) { ma_pcm_rb_commit_read(&ring, count); }

uint64_t capture_consume_dropped(void) { return atomic_exchange(&dropped, 0); }

int capture_consume_events(void) { return atomic_exchange(&events, 0); }

uint64_t capture_arrived(void) { return atomic_load(&arrived); }

uint64_t capture_calls(void) { return atomic_load(&calls); }

int capture_is_awake(void) { return atomic_load(&is_awake); }
