#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_BYTES = 5, MAX_EVENT_BYTES = 65536 };

static unsigned char *bytes;
static size_t length, capacity, written;

void output_init(void) {
  struct stat facts;
  if (fstat(STDOUT_FILENO, &facts) != 0) return;
  if (!S_ISFIFO(facts.st_mode) && !S_ISSOCK(facts.st_mode)) return;
  fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
}

static unsigned char *frame(char kind, size_t size) {
  const size_t needed = length + HEADER_BYTES + size;
  if (needed > capacity) {
    capacity = needed * 2;
    bytes = realloc(bytes, capacity);
    if (bytes == NULL) abort();
  }
  unsigned char *at = bytes + length;
  at[0] = (unsigned char)kind;
  for (int i = 0; i < 4; i++) at[1 + i] = (unsigned char)(size >> (8 * i));
  length = needed;
  return at + HEADER_BYTES;
}

void output_event(const char *format, ...) {
  static char text[MAX_EVENT_BYTES];
  va_list values;
  va_start(values, format);
  const int size = vsnprintf(text, sizeof(text), format, values);
  va_end(values);
  if (size < 0 || (size_t)size >= sizeof(text)) abort();
  memcpy(frame('E', (size_t)size), text, (size_t)size);
}

void output_audio(const int16_t *samples, size_t count) {
  unsigned char *to = frame('A', 2 * count);
  for (size_t i = 0; i < count; i++) {
    const uint16_t sample = (uint16_t)samples[i];
    to[2 * i] = (unsigned char)sample;
    to[2 * i + 1] = (unsigned char)(sample >> 8);
  }
}

int output_is_empty(void) { return written == length; }

int output_flush(void) {
  while (written < length) {
    const ssize_t count = write(STDOUT_FILENO, bytes + written, length - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    written += (size_t)count;
  }
  length = written = 0;
  return 0;
}

const char *json_string(char *to, size_t size, const char *text) {
  enum { LONGEST_ESCAPE = 6, END = 2 };
  size_t at = 0;
  to[at++] = '"';
  for (; *text != '\0' && at + LONGEST_ESCAPE + END <= size; text++) {
    const unsigned char byte = (unsigned char)*text;
    if (byte == '"' || byte == '\\') {
      to[at++] = '\\';
      to[at++] = (char)byte;
    } else if (byte < 0x20) {
      at += (size_t)snprintf(to + at, LONGEST_ESCAPE + 1, "\\u%04x", byte);
    } else {
      to[at++] = (char)byte;
    }
  }
  /* Bytes 10xxxxxx continue a UTF-8 character. */
  if (*text != '\0' && ((unsigned char)*text & 0xc0) == 0x80) {
    while (((unsigned char)to[at - 1] & 0xc0) == 0x80) at--;
    at--;
  }
  to[at++] = '"';
  to[at] = '\0';
  return to;
}
