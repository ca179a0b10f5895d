/*
 * miniaudio's implementation, without the parts that recording does not need. build/miniaudio.mjs fetches the header.
 */
#include "miniaudio-config.h"
#define MINIAUDIO_IMPLEMENTATION
#include "miniaudio.h"
