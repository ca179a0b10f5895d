// What Metal's headers for C++ take of IOSurface: for building on a system without Apple's SDK.
#pragma once

typedef struct __IOSurface* IOSurfaceRef;
