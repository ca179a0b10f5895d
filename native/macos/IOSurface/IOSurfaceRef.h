// The part of IOSurface that Metal's C++ headers need, for building without Apple's SDK.
#pragma once

typedef struct __IOSurface* IOSurfaceRef;
