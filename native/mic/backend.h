/* The source of audio, chosen at link time: the system, or a script in tests. */
#ifndef SOTTO_BACKEND_H
#define SOTTO_BACKEND_H

#include "miniaudio-config.h"
#include "miniaudio.h"

/* Loads the audio system. Slow (libraries), so call it before a recording starts. */
ma_result backend_init(ma_context *context);

typedef enum { PERMISSION_UNKNOWN, PERMISSION_GRANTED, PERMISSION_DENIED } permission;

/* The microphone permission of this process. Slow the first time, so call it only if the device is silent. */
permission backend_permission(void);

#endif
