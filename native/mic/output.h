/*
 * What is written to stdout: frames of a kind (1 byte), a length (4 bytes, little-endian) and so many bytes.
 *   'A'  audio: samples, 16-bit little-endian, mono, at the rate of the last `opened`
 *   'E'  event: a JSON object with a `type`
 * Never waits for the reader: what can't be written yet is kept, and audio stays in its ring.
 */
#ifndef SOTTO_OUTPUT_H
#define SOTTO_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

/* Makes stdout non-blocking where it is a pipe or a socket. */
void output_init(void);

/* Formats as printf, and frames it as an event. Strings inside go through `json_string`. */
void output_event(const char *format, ...) __attribute__((format(printf, 1, 2)));
void output_audio(const int16_t *samples, size_t count);

/* Whether all of it was written. */
int output_is_empty(void);

/* Writes as much as the reader takes now. Returns 0, or -1 once the reader is gone. */
int output_flush(void);

/* Writes `text` as a JSON string with its quotes into `to`, cut off at a whole character where it does not fit. */
const char *json_string(char *to, size_t capacity, const char *text);

#endif
