/* Where audio comes from: the system, or in tests a script in its place. Linking picks the one or the other. */
#ifndef SOTTO_BACKEND_H
#define SOTTO_BACKEND_H

#include "miniaudio-config.h"
#include "miniaudio.h"

/* Loads the sound system. Takes time (libraries), so it is done before a recording is asked for. */
ma_result backend_init(ma_context *context);

typedef enum { PERMISSION_UNKNOWN, PERMISSION_GRANTED, PERMISSION_DENIED } permission;

/* What the system says about this process and the microphone. Slow the first time: only asked when nothing is heard. */
permission backend_permission(void);

#endif
