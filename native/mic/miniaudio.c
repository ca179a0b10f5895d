/* miniaudio's implementation, less what a recording needs not. Its header is fetched by build/miniaudio.mjs. */
#include "miniaudio-config.h"
#define MINIAUDIO_IMPLEMENTATION
#include "miniaudio.h"
