/*
 * Frames on stdout: kind (1 byte), length (4 bytes, little-endian), payload.
 *   'A'  audio: samples, 16-bit little-endian, mono, at the rate of the last `opened`
 *   'E'  event: a JSON object with a `type`
 * Never waits for the reader: unwritten frames are buffered, and audio stays in its ring.
 */
#ifndef SOTTO_OUTPUT_H
#define SOTTO_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

/* Makes stdout non-blocking if it is a pipe or a socket. */
void output_init(void);

/* Formats like printf and frames the result as an event. Pass strings through `json_string`. */
void output_event(const char *format, ...) __attribute__((format(printf, 1, 2)));
void output_audio(const int16_t *samples, size_t count);

/* Whether everything is written. */
int output_is_empty(void);

/* Writes as much as the reader accepts. Returns 0, or -1 if the reader is gone. */
int output_flush(void);

/* Writes `text` as a quoted JSON string into `to`, truncated at a character boundary if it does not fit. */
const char *json_string(char *to, size_t capacity, const char *text);

#endif
