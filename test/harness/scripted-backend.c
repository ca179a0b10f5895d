/*
 * Devices that do what SOTTO_MIC_SCRIPT says, in place of the system's: a backend of miniaudio's, so that all of sotto-mic but
 * system-backend.c is the program that users have. A step a line, in order; `test/harness/scripted-microphone.ts` writes them.
 *   device NAME      one that is connected; the first is the default one
 *   rate N           of all of them, samples a second (default 16000)
 *   pause MS         before each piece of a tenth of a second (default 5)
 *   lives N FILE     it can be opened N times; FILE counts
 *   unopenable, denied, never-opens, deaf (can't be stopped), forbidden (opens, gives zeros, and the system knows why)
 * and once it is open:
 *   ramp N, zeros N  samples: of test/harness/ramp.ts, of digital silence
 *   speech N FILE    of a file of 16-bit samples; silence behind its end
 *   name NAME        the system moves the recording to a device of this name
 *   lose             the device is gone, and the system says so
 *   vanish           the device is gone, and the system says nothing
 *   exit             the process ends
 *   mark FILE, await FILE   makes a file, waits until there is one: how a test knows how far it is
 * After the last step the device gives nothing, and is not lost.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"

enum { MAX_DEVICES = 8, MAX_STEPS = 64, MAX_STEP = 512, ALIVE_US = 50000 };

static char names[MAX_DEVICES][MA_MAX_DEVICE_NAME_LENGTH + 1];
static char steps[MAX_STEPS][MAX_STEP];
static int name_count, step_count;
static unsigned rate = 16000, pause_ms = 5;
static int is_unopenable, is_denied, never_opens, is_deaf, is_forbidden;
static long lives = -1;
static char lives_file[MAX_STEP];

static int current;
static pthread_t thread;
static atomic_int is_stopping;

static void read_step(const char *line) {
  if (sscanf(line, "rate %u", &rate) == 1 || sscanf(line, "pause %u", &pause_ms) == 1) return;
  if (sscanf(line, "lives %ld %511[^\n]", &lives, lives_file) == 2) return;
  if (strncmp(line, "device ", 7) == 0 && name_count < MAX_DEVICES) {
    snprintf(names[name_count++], sizeof(names[0]), "%s", line + 7);
  } else if (strcmp(line, "unopenable") == 0) {
    is_unopenable = 1;
  } else if (strcmp(line, "denied") == 0) {
    is_denied = 1;
  } else if (strcmp(line, "never-opens") == 0) {
    never_opens = 1;
  } else if (strcmp(line, "deaf") == 0) {
    is_deaf = 1;
  } else if (strcmp(line, "forbidden") == 0) {
    is_forbidden = 1;
  } else if (step_count < MAX_STEPS) {
    snprintf(steps[step_count++], sizeof(steps[0]), "%s", line);
  }
}

static ma_result enumerate(ma_context *context, ma_enum_devices_callback_proc callback, void *data) {
  for (int i = 0; i < name_count; i++) {
    ma_device_info info = {0};
    info.id.custom.i = i;
    info.isDefault = i == 0;
    snprintf(info.name, sizeof(info.name), "%s", names[i]);
    if (!callback(context, ma_device_type_capture, &info, data)) break;
  }
  return MA_SUCCESS;
}

static ma_result get_info(ma_context *context, ma_device_type type, const ma_device_id *id, ma_device_info *info) {
  (void)context;
  (void)type;
  snprintf(info->name, sizeof(info->name), "%s", names[id == NULL ? current : id->custom.i]);
  return MA_SUCCESS;
}

/* Whether it can be opened once more. */
static int is_alive(void) {
  if (lives < 0) return 1;
  long lived = 0;
  FILE *file = fopen(lives_file, "r");
  if (file != NULL && fscanf(file, "%ld", &lived) != 1) lived = 0;
  if (file != NULL) fclose(file);
  file = fopen(lives_file, "w");
  if (file != NULL) fprintf(file, "%ld", lived + 1), fclose(file);
  return lived < lives;
}

static ma_result init(ma_device *device, const ma_device_config *config, ma_device_descriptor *playback,
                      ma_device_descriptor *capture) {
  (void)device;
  (void)config;
  (void)playback;
  while (never_opens) sleep(1);
  if (is_denied) return MA_ACCESS_DENIED;
  if (name_count == 0 || !is_alive()) return MA_NO_DEVICE;
  if (is_unopenable) return MA_FAILED_TO_OPEN_BACKEND_DEVICE;
  current = capture->pDeviceID == NULL ? 0 : capture->pDeviceID->custom.i;
  capture->format = ma_format_s16;
  capture->channels = 1;
  capture->sampleRate = rate;
  capture->periodSizeInFrames = rate / 10;
  capture->periodCount = 2;
  ma_channel_map_init_standard(ma_standard_channel_map_default, capture->channelMap, MA_MAX_CHANNELS, 1);
  return MA_SUCCESS;
}

static void notify(ma_device *device, ma_device_notification_type type) {
  ma_device_notification notification = {0};
  notification.pDevice = device;
  notification.type = type;
  device->onNotification(&notification);
}

/* @param speech NULL for `kind` 'r' (the ramp, from `from` on) and 'z' (zeros) */
static void give(ma_device *device, char kind, long count, FILE *speech, uint32_t *from) {
  static int16_t piece[96000];
  while (count > 0 && !atomic_load(&is_stopping)) {
    const long size = count < (long)rate / 10 ? count : (long)rate / 10;
    if (pause_ms > 0) usleep(pause_ms * 1000);
    memset(piece, 0, (size_t)size * sizeof(int16_t));
    if (speech != NULL && fread(piece, sizeof(int16_t), (size_t)size, speech) == 0) clearerr(speech);
    for (long i = 0; i < size && kind == 'r'; i++)
      piece[i] = (int16_t)(((++*from) * 2654435761u) >> 9 & 0x7fff);
    ma_device_handle_backend_data_callback(device, NULL, piece, (ma_uint32)size);
    count -= size;
  }
}

static void *play(void *data) {
  ma_device *device = data;
  uint32_t from = 0;
  for (int i = 0; i < step_count && !atomic_load(&is_stopping); i++) {
    long count;
    char text[MAX_STEP];
    if (sscanf(steps[i], "ramp %ld", &count) == 1) {
      give(device, 'r', count, NULL, &from);
    } else if (sscanf(steps[i], "zeros %ld", &count) == 1) {
      give(device, 'z', count, NULL, &from);
    } else if (sscanf(steps[i], "speech %ld %511[^\n]", &count, text) == 2) {
      FILE *speech = fopen(text, "rb");
      give(device, 's', count, speech, &from);
      if (speech != NULL) fclose(speech);
    } else if (sscanf(steps[i], "name %511[^\n]", text) == 1) {
      snprintf(names[current], sizeof(names[0]), "%.255s", text);
      notify(device, ma_device_notification_type_rerouted);
    } else if (sscanf(steps[i], "mark %511[^\n]", text) == 1) {
      FILE *mark = fopen(text, "w");
      if (mark != NULL) fclose(mark);
    } else if (sscanf(steps[i], "await %511[^\n]", text) == 1) {
      while (access(text, F_OK) != 0 && !atomic_load(&is_stopping)) usleep(ALIVE_US);
    } else if (strcmp(steps[i], "lose") == 0) {
      notify(device, ma_device_notification_type_stopped);
      return NULL;
    } else if (strcmp(steps[i], "vanish") == 0) {
      return NULL;
    } else if (strcmp(steps[i], "exit") == 0) {
      fprintf(stderr, "the sound card is gone\n");
      _exit(3);
    } else {
      fprintf(stderr, "not a step: %s\n", steps[i]);
      _exit(4);
    }
  }
  while (!atomic_load(&is_stopping)) {
    usleep(ALIVE_US);
    device->onData(device, NULL, NULL, 0);
  }
  return NULL;
}

static ma_result start(ma_device *device) {
  atomic_store(&is_stopping, 0);
  return pthread_create(&thread, NULL, play, device) == 0 ? MA_SUCCESS : MA_ERROR;
}

static ma_result stop(ma_device *device) {
  (void)device;
  while (is_deaf) sleep(1);
  atomic_store(&is_stopping, 1);
  pthread_join(thread, NULL);
  return MA_SUCCESS;
}

static ma_result nothing_to_do(ma_device *device) {
  (void)device;
  return MA_SUCCESS;
}

static ma_result init_context(ma_context *context, const ma_context_config *config, ma_backend_callbacks *callbacks) {
  (void)context;
  (void)config;
  callbacks->onContextEnumerateDevices = enumerate;
  callbacks->onContextGetDeviceInfo = get_info;
  callbacks->onDeviceInit = init;
  callbacks->onDeviceUninit = nothing_to_do;
  callbacks->onDeviceStart = start;
  callbacks->onDeviceStop = stop;
  return MA_SUCCESS;
}

ma_result backend_init(ma_context *context) {
  const ma_backend backends[] = {ma_backend_custom};
  ma_context_config config = ma_context_config_init();
  char script[MAX_STEPS * MAX_STEP];
  const char *given = getenv("SOTTO_MIC_SCRIPT");
  snprintf(script, sizeof(script), "%s", given == NULL ? "device Scripted Microphone" : given);
  for (char *line = strtok(script, "\n"); line != NULL; line = strtok(NULL, "\n")) read_step(line);
  config.custom.onContextInit = init_context;
  return ma_context_init(backends, 1, &config, context);
}

permission backend_permission(void) { return is_forbidden ? PERMISSION_DENIED : PERMISSION_GRANTED; }
