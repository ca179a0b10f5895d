/*
 * Records one device into a ring. The audio thread only copies and never waits, neither for a lock nor for the reader
 * of stdout. It counts and drops what does not fit.
 */
#ifndef SOTTO_CAPTURE_H
#define SOTTO_CAPTURE_H

#include <stdint.h>

#include "backend.h"

/* Set by the audio thread and the system's, consumed by the main thread (`capture_consume_events`). */
enum { CAPTURE_LOST = 1, CAPTURE_REROUTED = 2 };

/* @param wake_fd non-blocking descriptor; receives a byte when there is something to do */
ma_result capture_init(ma_context *context, int wake_fd);

/* NULL selects the system's default device. Audio arrives once this returns MA_SUCCESS. */
ma_result capture_open(const ma_device_id *id);

/* Stops the device and keeps the ring. */
void capture_close(void);

int capture_is_open(void);

/* Sample rate of the ring. */
uint32_t capture_rate(void);
/* The device's name, at least `MA_MAX_DEVICE_NAME_LENGTH + 1` bytes. */
void capture_name(char *name, size_t capacity);

/* Samples in the ring. */
uint32_t capture_available(void);
/* Up to `*count` contiguous samples; call `capture_release` before the next read. */
const int16_t *capture_read(uint32_t *count);
void capture_release(uint32_t count);

/*
 * Samples dropped since the last call. Their place is after everything in the ring: call this when the ring is empty.
 */
uint64_t capture_consume_dropped(void);
/* Events since the last call: CAPTURE_LOST, CAPTURE_REROUTED. */
int capture_consume_events(void);
/* Samples received since the device was opened, including dropped ones. */
uint64_t capture_arrived(void);
/* Number of deliveries by the device. It stops growing if the device is gone. */
uint64_t capture_calls(void);
/* Whether any sample was nonzero. */
int capture_is_awake(void);

#endif
