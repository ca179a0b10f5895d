/*
 * sotto-mic: records the microphone in a separate process. As a child of the command it has the microphone permission of
 * the command's terminal or launcher; it is a separate program because a hardened Node has no microphone entitlement.
 *
 * Commands, one per line on stdin:
 *   list        → devices
 *   open        → opened, then audio: the system's default device
 *   open N      → the same for device N of the last list
 *   stop        → the rest of the audio, then closed
 * It exits at the end of stdin. Frames on stdout: output.h.
 *
 * Events:
 *   {"type":"devices","devices":[{"name":"…","isDefault":true},…]}
 *   {"type":"opened","name":"…","rate":48000}   sent again when the system switches devices
 *   {"type":"dropped","samples":N}              audio missing at this point: the reader was too slow
 *   {"type":"closed"}
 *   {"type":"failed","reason":"…","detail":"…"} none, denied, open, lost, command, system; the device is closed
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "capture.h"
#include "output.h"

enum { MAX_LINE_BYTES = 64, MAX_NAME_JSON = 6 * MA_MAX_DEVICE_NAME_LENGTH + 8, MAX_DEVICES = 40 };
/* Maximum samples per frame of audio. */
enum { MAX_FRAME_SAMPLES = 16384 };
/*
 * A device that delivers nothing for this long is lost, even without a notification, such as the last microphone of a
 * Mac when it is unplugged. Counted in ticks of this process, so that a sleeping machine loses no device.
 */
enum { TICK_MS = 250, LOST_TICKS = 6 };
/* A waking headset delivers zeros for this long. After that, check the microphone permission. */
enum { WAKING_MS = 1500 };

static ma_context context;
static ma_result context_result;
static ma_device_info devices[MAX_DEVICES];
static ma_uint32 device_count;
static int is_permission_checked;
static uint64_t last_calls;
static int idle_ticks;

static void failed(const char *reason, ma_result detail) {
  output_event("{\"type\":\"failed\",\"reason\":\"%s\",\"detail\":\"%s\"}", reason,
               detail == MA_SUCCESS ? "" : ma_result_description(detail));
}

static ma_result read_devices(void) {
  ma_device_info *found;
  const ma_result result = ma_context_get_devices(&context, NULL, NULL, &found, &device_count);
  if (result != MA_SUCCESS) device_count = 0;
  if (device_count > MAX_DEVICES) device_count = MAX_DEVICES;
  if (device_count > 0) memcpy(devices, found, device_count * sizeof(devices[0]));
  return result;
}

static void list(void) {
  static char text[MAX_DEVICES * (MAX_NAME_JSON + 32)];
  size_t length = 0;
  read_devices();
  text[0] = '\0';
  for (ma_uint32 i = 0; i < device_count; i++) {
    char name[MAX_NAME_JSON];
    length += (size_t)snprintf(text + length, sizeof(text) - length, "%s{\"name\":%s,\"isDefault\":%s}",
                               i == 0 ? "" : ",", json_string(name, sizeof(name), devices[i].name),
                               devices[i].isDefault ? "true" : "false");
  }
  output_event("{\"type\":\"devices\",\"devices\":[%s]}", text);
}

static void report_opened(void) {
  char name[MA_MAX_DEVICE_NAME_LENGTH + 1], json[MAX_NAME_JSON];
  capture_name(name, sizeof(name));
  output_event("{\"type\":\"opened\",\"name\":%s,\"rate\":%u}", json_string(json, sizeof(json), name),
               capture_rate());
}

static void open_device(const ma_device_id *id) {
  is_permission_checked = idle_ticks = 0;
  const ma_result result = capture_open(id);
  if (result == MA_SUCCESS) {
    report_opened();
  } else if (result == MA_ACCESS_DENIED) {
    failed("denied", result);
  } else {
    const ma_result listed = read_devices();
    failed(listed == MA_SUCCESS && device_count == 0 ? "none" : "open", result);
  }
}

/* Moves audio out of the ring: whole frames while recording, everything after the device is closed. */
static void drain(void) {
  while (output_is_empty()) {
    uint32_t count = MAX_FRAME_SAMPLES;
    const int16_t *samples = capture_read(&count);
    if (count == 0) {
      const uint64_t gap = capture_consume_dropped();
      if (gap > 0) output_event("{\"type\":\"dropped\",\"samples\":%llu}", (unsigned long long)gap);
      break;
    }
    output_audio(samples, count);
    capture_release(count);
    if (output_flush() != 0) exit(0);
  }
}

/* Blocks until the reader has everything. */
static void write_all(void) {
  while (!output_is_empty()) {
    struct pollfd reader = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (output_flush() != 0) _exit(0);
    if (!output_is_empty()) poll(&reader, 1, -1);
  }
}

/* Writes the remaining audio, however slow the reader is. Nothing records any more. */
static void write_rest(void) {
  uint32_t left;
  do {
    write_all();
    left = capture_available();
    drain();
  } while (left > 0);
  write_all();
}

/* @param reason NULL if the client requested it */
static void finish(const char *reason) {
  capture_close();
  write_rest();
  if (reason == NULL) output_event("{\"type\":\"closed\"}");
  else failed(reason, MA_SUCCESS);
}

/* The system's libraries may block forever on a lost device, so the process exits without closing it. */
static void end_lost(void) {
  write_rest();
  failed("lost", MA_SUCCESS);
  write_all();
  _exit(0);
}

static void command(const char *line) {
  char rest;
  unsigned number;
  if (strcmp(line, "stop") == 0) {
    if (capture_is_open()) finish(NULL);
    else output_event("{\"type\":\"closed\"}");
  } else if (context_result != MA_SUCCESS) {
    failed("system", context_result);
  } else if (strcmp(line, "list") == 0) {
    list();
  } else if (strcmp(line, "open") == 0 && !capture_is_open()) {
    open_device(NULL);
  } else if (sscanf(line, "open %u%c", &number, &rest) == 1 && number < device_count && !capture_is_open()) {
    open_device(&devices[number].id);
  } else {
    failed("command", MA_SUCCESS);
  }
}

/* Returns 0 at the end of stdin. */
static int read_commands(void) {
  static char line[MAX_LINE_BYTES];
  static size_t length;
  char chunk[256];
  const ssize_t count = read(STDIN_FILENO, chunk, sizeof(chunk));
  if (count == 0) return 0;
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  for (ssize_t i = 0; i < count; i++) {
    if (chunk[i] != '\n') {
      /* The end of an overlong line is dropped, which makes it an invalid command. */
      if (length < sizeof(line) - 1) line[length++] = chunk[i] == '\0' ? '?' : chunk[i];
      continue;
    }
    line[length] = '\0';
    length = 0;
    command(line);
  }
  return 1;
}

static void watch(void) {
  const int happened = capture_consume_events();
  if (happened & CAPTURE_LOST) end_lost();
  /* miniaudio now converts to the previous rate, since a gap would be worse. */
  if (happened & CAPTURE_REROUTED) report_opened();
  if (is_permission_checked || capture_is_awake()) return;
  if (capture_arrived() < (uint64_t)capture_rate() * WAKING_MS / 1000) return;
  is_permission_checked = 1;
  if (backend_permission() == PERMISSION_DENIED) finish("denied");
}

static void tick(void) {
  const uint64_t calls = capture_calls();
  idle_ticks = calls == last_calls ? idle_ticks + 1 : 0;
  last_calls = calls;
  if (idle_ticks >= LOST_TICKS) end_lost();
}

int main(void) {
  int wake[2];
  /* Ctrl-C reaches every process of the terminal's group; the foreground command decides what to do. */
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  if (pipe(wake) != 0) return 1;
  for (int i = 0; i < 2; i++) fcntl(wake[i], F_SETFL, O_NONBLOCK);
  output_init();
  context_result = backend_init(&context);
  if (context_result == MA_SUCCESS) context_result = capture_init(&context, wake[1]);
  for (;;) {
    struct pollfd polls[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = wake[0], .events = POLLIN},
        {.fd = STDOUT_FILENO, .events = output_is_empty() ? 0 : POLLOUT},
    };
    const int ready = poll(polls, 3, capture_is_open() ? TICK_MS : -1);
    if (ready < 0 && errno != EINTR) return 1;
    if (polls[1].revents != 0) {
      char bytes[256];
      while (read(wake[0], bytes, sizeof(bytes)) == sizeof(bytes)) continue;
    }
    if (polls[2].revents & (POLLERR | POLLNVAL)) _exit(0);
    if (polls[0].revents != 0 && !read_commands()) _exit(0);
    if (capture_is_open() && ready == 0) tick();
    if (capture_is_open()) watch();
    if (output_flush() != 0) _exit(0);
    if (capture_is_open()) drain();
    if (output_flush() != 0) _exit(0);
  }
}
