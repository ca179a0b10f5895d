/*
 * One device that records into a ring. The audio thread only copies into the ring and never waits: neither for a lock nor for
 * the reader of stdout. What does not fit is counted and dropped.
 */
#ifndef SOTTO_CAPTURE_H
#define SOTTO_CAPTURE_H

#include <stdint.h>

#include "backend.h"

/* Set by the audio thread and by the system's, taken by the main thread (`capture_take`). */
enum { CAPTURE_LOST = 1, CAPTURE_REROUTED = 2 };

/* @param wake_fd a non-blocking descriptor; a byte is written when there is something to do */
ma_result capture_init(ma_context *context, int wake_fd);

/* NULL stands for the system's default device. Audio comes once this returns MA_SUCCESS. */
ma_result capture_open(const ma_device_id *id);

/* Stops the device. What it recorded stays in the ring. */
void capture_close(void);

int capture_is_open(void);

/* Samples per second of what is in the ring. */
uint32_t capture_rate(void);
/* The device's name, at least `MA_MAX_DEVICE_NAME_LENGTH + 1` bytes. */
void capture_name(char *name, size_t capacity);

/* Samples in the ring. */
uint32_t capture_available(void);
/* Up to `*count` samples that lie in one piece; to be released by `capture_release` before the next call. */
const int16_t *capture_read(uint32_t *count);
void capture_release(uint32_t count);

/* Samples dropped since the last call. They belong behind all that was in the ring: call it when the ring is empty. */
uint64_t capture_consume_dropped(void);
/* What has happened since the last call: CAPTURE_LOST, CAPTURE_REROUTED. */
int capture_consume_events(void);
/* Samples that have arrived since the device was opened, the dropped ones among them. */
uint64_t capture_arrived(void);
/* How often the device has handed over something: it stands still when the device is gone. */
uint64_t capture_calls(void);
/* Whether one of the samples was not zero. */
int capture_is_awake(void);

#endif
